//! Options as Perl's Getopt::Long takes them, spelt out for clap.

use std::ffi::{OsStr, OsString};
use std::iter;

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, Command};

/// Spells options out: `-iso` becomes `--iso-date-time`, `--no_bounce_detail` gets its dashes, `-U`
/// becomes lower case, and a value joins its option.
///
/// # Errors
/// When it is not clear which option is meant, or a value is missing.
pub(super) fn spell_out(arguments: Vec<OsString>, command: &Command) -> Result<Vec<OsString>> {
    let mut arguments = arguments.into_iter().peekable();
    let mut spelt = Vec::new();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            spelt.extend(iter::once(argument).chain(arguments));
            break;
        }
        let text = argument.to_string_lossy();
        let Some((name, value)) = split(&text) else {
            spelt.push(argument);
            continue;
        };
        let option = find(&name, command)?;
        let value = match (value, takes_value(option)) {
            (Some(value), _) => Some(value.into()),
            (None, Takes::Value) => match arguments.next() {
                Some(value) => Some(value),
                None => bail!("option {name} requires a value"),
            },
            (None, Takes::Number) => arguments.next_if(|next| is_number(next)),
            (None, Takes::Nothing) => None,
        };
        spelt.push(joined(option, value));
    }
    Ok(spelt)
}

/// Splits an option in its name, in clap's spelling, and the value behind `=`.
fn split(argument: &str) -> Option<(String, Option<&str>)> {
    let dashes = ["--", "-", "+"]
        .into_iter()
        .find_map(|dashes| argument.strip_prefix(dashes));
    let (name, value) = match dashes?.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (dashes?, None),
    };
    (!name.is_empty()).then(|| (name.to_ascii_lowercase().replace('_', "-"), value))
}

/// Finds an option by its name or, if that is clear, by its beginning.
fn find<'c>(name: &str, command: &'c Command) -> Result<&'c Arg> {
    let mut exact = command.get_arguments().filter(|option| {
        let short = option.get_short().map(String::from);
        option.get_long() == Some(name) || short.as_deref() == Some(name)
    });
    if let Some(option) = exact.next() {
        return Ok(option);
    }
    let begins = |option: &&Arg| option.get_long().is_some_and(|long| long.starts_with(name));
    let found: Vec<&Arg> = command.get_arguments().filter(begins).collect();
    match found[..] {
        [option] => Ok(option),
        [] => bail!("unknown option: {name}; see --help"),
        _ => {
            let names: Vec<&str> = found
                .iter()
                .filter_map(|option| option.get_long())
                .collect();
            bail!("option {name} may be any of {}", names.join(", "));
        }
    }
}

/// What may follow an option.
enum Takes {
    Nothing,
    Value,
    /// A number, if one follows.
    Number,
}

fn takes_value(option: &Arg) -> Takes {
    if !matches!(option.get_action(), ArgAction::Set | ArgAction::Append) {
        return Takes::Nothing;
    }
    match option.get_num_args() {
        Some(count) if count.min_values() == 0 => Takes::Number,
        _ => Takes::Value,
    }
}

fn is_number(text: &OsStr) -> bool {
    text.to_str()
        .is_some_and(|text| text.parse::<i64>().is_ok())
}

/// Joins an option and its value to one argument.
fn joined(option: &Arg, value: Option<OsString>) -> OsString {
    let mut argument = match (option.get_long(), option.get_short()) {
        (Some(long), _) => OsString::from(format!("--{long}")),
        (None, short) => OsString::from(format!("-{}", short.unwrap_or_default())),
    };
    if let Some(value) = value {
        argument.push("=");
        argument.push(value);
    }
    argument
}
