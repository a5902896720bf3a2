//! `--export`: the ranking as a list for a program that blocks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::blocklist::{self, Form, Network, Protected};
use crate::cli::kinds::near;
use crate::cli::messages::say;
use crate::score::{By, Prefixes, Ranking};
use crate::tally::totals::Totals;

/// Where Postfix keeps its parameters, mostly.
const MAIN_CF: &str = "/etc/postfix/main.cf";

#[derive(Args, Debug)]
pub(super) struct ExportArguments {
    /// Write a list for a program that blocks: postfix-cidr, postscreen-cidr, nftables, ipset, plain,
    /// fail2ban or crowdsec-csv. Whoever logged in or had mail accepted is never on it
    #[arg(long, value_name = "FORM", value_parser = form)]
    export: Option<Form>,
    /// List sources from this score on; without it, those with two kinds of evidence or five events of
    /// one
    #[arg(long, value_name = "N", requires = "export")]
    min_score: Option<u64>,
    /// When entries go by themselves, where the program can do that: 90s, 15m, 12h, 7d, 2w
    #[arg(long, value_name = "TIME", requires = "export", value_parser = seconds)]
    expires: Option<u64>,
    /// Addresses and networks that are never listed, one a line; may be repeated
    #[arg(long, value_name = "FILE", requires = "export")]
    allow: Vec<PathBuf>,
    /// Where `mynetworks` stand, which are never listed; /etc/postfix/main.cf if that can be read
    #[arg(long, value_name = "FILE", requires = "export")]
    main_cf: Option<PathBuf>,
}

fn form(text: &str) -> Result<Form, String> {
    let found = Form::ALL.into_iter().find(|form| form.name() == text);
    found.ok_or_else(|| {
        let names = Form::ALL.map(Form::name);
        near(text, &names)
    })
}

/// Reads `7d` as seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "write a number and s, m, h, d or w: 7d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u64 = text
        .strip_suffix(unit)
        .and_then(|number| number.parse().ok())
        .filter(|number| *number > 0)
        .ok_or_else(wrong)?;
    let of_unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    // ipset and nftables count to about 24 days and far more; ipset's limit is the smaller one.
    match number.checked_mul(of_unit) {
        Some(seconds) if seconds <= 2_147_483 => Ok(seconds),
        _ => Err("no more than 24 days: ipset counts no further".to_owned()),
    }
}

impl ExportArguments {
    pub(super) fn is_asked_for(&self) -> bool {
        self.export.is_some()
    }

    /// Looks at what was asked for before anything is read.
    pub(super) fn check(&self, by: By) -> Result<()> {
        if self.is_asked_for() && !matches!(by, By::Address | By::Network) {
            bail!("--export lists addresses: take --by address or --by network");
        }
        Ok(())
    }

    /// Returns the list's bytes; `totals` are of all lines.
    pub(super) fn list(
        &self,
        ranking: &Ranking,
        totals: &Totals,
        networks: Option<Prefixes>,
    ) -> Result<Vec<u8>> {
        let Some(form) = self.export else {
            return Ok(Vec::new());
        };
        let mut protected = Protected::default();
        protected.add_good(totals);
        for path in &self.allow {
            allow(path, &mut protected)?;
        }
        self.mynetworks(&mut protected)?;
        let terms = blocklist::Terms {
            min_score: self.min_score,
            networks,
        };
        let list = blocklist::list(ranking, &protected, terms);
        say(&format!(
            "{} listed; not listed: {} with a login, accepted mail or an address of ours, {} with little \
             evidence",
            list.entries.len(),
            list.protected,
            list.weak
        ));
        let mut bytes = Vec::new();
        blocklist::write(&list, form, self.expires, &mut bytes)?;
        Ok(bytes)
    }

    fn mynetworks(&self, protected: &mut Protected) -> Result<()> {
        let path = self.main_cf.as_deref().unwrap_or(Path::new(MAIN_CF));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(_) if self.main_cf.is_none() => return Ok(()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        for word in mynetworks(&text) {
            if word.starts_with('/') {
                // A file of further networks.
                allow(Path::new(word), protected)?;
            } else if let Ok(network) = Network::parse(word) {
                protected.add(network);
            } else if !word.starts_with('!') {
                say(&format!(
                    "{}: mynetworks: `{word}` is not looked up; name its networks with --allow",
                    path.display()
                ));
            }
        }
        Ok(())
    }
}

fn allow(path: &Path, protected: &mut Protected) -> Result<()> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    let networks = blocklist::parse_list(&text);
    let networks =
        networks.map_err(|(line, error)| anyhow::anyhow!("{}:{line}: {error}", path.display()))?;
    networks.into_iter().for_each(|one| protected.add(one));
    Ok(())
}

/// Returns the words of `mynetworks`; the last one counts, and lines that begin with a blank go on.
fn mynetworks(main_cf: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut is_within = false;
    for line in main_cf.lines() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let mut value = line;
        if !line.starts_with([' ', '\t']) {
            let (name, rest) = line.split_once('=').unwrap_or((line, ""));
            is_within = name.trim() == "mynetworks";
            value = rest;
            if is_within {
                words.clear();
            }
        }
        if is_within {
            let parts = value.split([',', ' ', '\t']);
            words.extend(parts.filter(|word| !word.is_empty()));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mynetworks_counts_with_its_further_lines() {
        let text = "mynetworks = 1.1.1.1\nmyhostname = a\n 9.9.9.9\n# x\nmynetworks = 127.0.0.0/8,\n\
                    \n# y\n\t[::1]/128 !10.0.0.1\nrelayhost =\n";
        assert_eq!(mynetworks(text), ["127.0.0.0/8", "[::1]/128", "!10.0.0.1"]);
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(seconds("7d"), Ok(604_800));
        for wrong in [
            "",
            "7",
            "d",
            "0d",
            "7y",
            "99w",
            "7é",
            "99999999999999999999s",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
