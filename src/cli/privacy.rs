//! `--pseudonymize` and `--anonymize-ip`: what becomes of names in what is written.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::privacy::{Key, Masking, Pseudonyms};

#[derive(Args, Debug)]
pub(super) struct PrivacyArguments {
    /// Write addresses without the part that names one machine: IPv4 ends in 0, IPv6 after 64
    /// bits; also in the lines of --unparsed. Conditions look at the whole address
    #[arg(long)]
    anonymize_ip: bool,
    /// Write tokens in place of addresses, users and hosts, samples included; networks and domains
    /// stay together. The same name has the same token as long as the key in KEYFILE is the same; it
    /// is made if it is not there. Without KEYFILE tokens are of this run alone
    #[arg(
        long, value_name = "KEYFILE", num_args = 0..=1, require_equals = true,
        conflicts_with = "anonymize_ip"
    )]
    pseudonymize: Option<Option<PathBuf>>,
}

impl PrivacyArguments {
    /// Makes ready what was asked for.
    pub(super) fn masking(&self) -> Result<Option<Masking>> {
        if self.anonymize_ip {
            return Ok(Some(Masking::Shortened));
        }
        let Some(key_file) = &self.pseudonymize else {
            return Ok(None);
        };
        let names = pseudonyms(key_file.as_deref())?;
        Ok(Some(Masking::Pseudonyms(Box::new(names))))
    }
}

/// Makes the tokens of the key in a file, or of one that nobody has.
pub(super) fn pseudonyms(key_file: Option<&Path>) -> Result<Pseudonyms> {
    let key = match key_file {
        Some(path) => Key::of_file(path)?,
        None => Key::random()?,
    };
    Ok(Pseudonyms::new(&key))
}
