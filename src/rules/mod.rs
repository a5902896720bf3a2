//! Reject rules and what they do: hits by rule, joined with the site's own maps.
//!
//! ```text
//! lines ──> Ruling ──> Hits ──merge──> Findings ──> figures · sections
//! maps  ──> Table  ──> Maps ──────────────┘
//! ```
//!
//! What a refusal's line says is the parsers' business ([`Ruling`](mailtally_parsers::postfix::ruling)),
//! and which senders have mail delivered is the tally's. Files are **not** read here, neither logs nor
//! maps, and nothing is looked up in a map but by what a line of the log says.

mod answer;
mod figures;
mod findings;
mod hits;
mod logical;
mod maps;
mod net;
mod pattern;
mod sections;
mod table;

pub use figures::{RuleFigures, SCHEMA, schema};
pub use findings::Findings;
pub use hits::Hits;
pub use maps::Maps;
pub use sections::{Layout, sections};
pub use table::{Kind, Table, TableError, TableProblem};
