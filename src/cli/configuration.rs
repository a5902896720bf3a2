//! Where the site's configuration lies, and reading it before the first line is parsed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use clap::Args;
use mailtally_parsers::postfix::site;

use crate::config::Config;

/// Read when it is there and no other is named.
const USUAL: &str = "/etc/mailtally.toml";

#[derive(Args, Debug)]
pub(super) struct ConfigurationArguments {
    /// The site's own words for reasons and rule ids; /etc/mailtally.toml if it is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigurationArguments {
    /// Reads the configuration; what parses lines knows it from here on.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense. That the usual one is not there is none.
    pub(super) fn set(&self) -> Result<()> {
        self.set_with(&[])
    }

    /// The same, with patterns of rule ids that are asked before those of the file.
    pub(super) fn set_with(&self, rule_ids: &[String]) -> Result<()> {
        let config = self.read()?;
        if config.is_none() && rule_ids.is_empty() {
            return Ok(());
        }
        let config = config.unwrap_or_default().asking_first(rule_ids);
        site::set(Box::new(config.context("--rule-id")?));
        Ok(())
    }

    fn read(&self) -> Result<Option<Config>> {
        let path = self.config.as_deref().unwrap_or(Path::new(USUAL));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if self.config.is_none() && error.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let config = Config::parse(&text).with_context(|| path.display().to_string())?;
        let _ = WEIGHTS.set(config.weights().clone().into_iter().collect());
        Ok(Some(config))
    }
}

/// The site's weights, once its configuration was read.
static WEIGHTS: OnceLock<Vec<(String, u64)>> = OnceLock::new();

/// Returns the points of evidence that the site sets.
pub(super) fn weights() -> &'static [(String, u64)] {
    WEIGHTS.get().map_or(&[], Vec::as_slice)
}
