//! The binary: arguments in, exit status out; all else is in the library.

use std::process::ExitCode;

use mailtally::cli;

fn main() -> ExitCode {
    ExitCode::from(cli::main())
}
