//! `mailtally man` and `mailtally completions`: what is made of the flags' own definitions.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Outcome;

#[derive(Args, Debug)]
pub(super) struct ManArguments {
    /// Write the pages of all subcommands to this folder, instead of the main one to standard
    /// output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the manual page, or those of all subcommands.
pub(super) fn man(arguments: &ManArguments, command: Command) -> Result<Outcome> {
    let Some(folder) = &arguments.out else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        return print(&page);
    };
    // Pages are for everybody, unlike reports.
    let written =
        fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
    written.with_context(|| format!("cannot write pages to {}", folder.display()))?;
    Ok(Outcome::Done)
}

/// Writes the completions of a shell.
pub(super) fn completions(
    arguments: &CompletionsArguments,
    mut command: Command,
) -> Result<Outcome> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    print(&script)
}

fn print(text: &[u8]) -> Result<Outcome> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text).and_then(|()| out.flush());
    written.context("cannot write to standard output")?;
    Ok(Outcome::Done)
}
