//! `--mmdb`: the system or country of an address, from files in MaxMind's format.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use maxminddb::Reader;
use serde::Deserialize;

use crate::score::By;

/// What is read of a record; files of systems have no country, and the other way round.
#[derive(Deserialize)]
struct Place<'a> {
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<&'a str>,
    #[serde(borrow)]
    country: Option<Country<'a>>,
    #[serde(borrow)]
    registered_country: Option<Country<'a>>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

/// The files that were named, in that order.
pub(super) struct Files(Vec<Reader<Vec<u8>>>);

impl Files {
    /// Reads the files.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self> {
        let read = |path: &PathBuf| {
            let context = || format!("cannot read {} as a MaxMind DB", path.display());
            Reader::open_readfile::<&Path>(path).with_context(context)
        };
        Ok(Files(paths.iter().map(read).collect::<Result<_>>()?))
    }

    /// Returns what an address is put under; the first file that knows it counts.
    ///
    /// A damaged file says nothing of the address.
    pub(super) fn lookup(&self, by: By, address: IpAddr) -> Option<String> {
        self.0.iter().find_map(|file| {
            let place: Place<'_> = file.lookup(address).ok()?.decode().ok()??;
            place.name(by)
        })
    }
}

impl Place<'_> {
    fn name(self, by: By) -> Option<String> {
        if by == By::Country {
            let country = self.country.or(self.registered_country)?;
            return country.iso_code.map(str::to_owned);
        }
        let number = self.autonomous_system_number?;
        Some(match self.autonomous_system_organization {
            Some(name) => format!("AS{number} {name}"),
            None => format!("AS{number}"),
        })
    }
}
