//! `--memory`: what it may be, and what it goes with.

use anyhow::{Result, bail};

use crate::score::{Budget, By};

/// The bytes of a chunk: each one's rows are complete until they are merged, beside the budget.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

/// Reads `64M` as bytes.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "write a number and K, M or G: 64M".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number = text.strip_suffix(unit).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let of_unit: u64 = match unit {
        'K' | 'k' => 1 << 10,
        'M' | 'm' => 1 << 20,
        'G' | 'g' => 1 << 30,
        _ => return Err(wrong()),
    };
    let bytes = number.checked_mul(of_unit).ok_or_else(wrong)?;
    if bytes < Budget::LEAST_BYTES {
        return Err(format!(
            "no less than {}K: fewer rows are no ranking",
            Budget::LEAST_BYTES >> 10
        ));
    }
    Ok(bytes)
}

/// Refuses what puts addresses together: of those forgotten nobody knows where they belong.
pub(super) fn check(by: By, is_outbound: bool, is_list: bool) -> Result<()> {
    if is_outbound {
        bail!("--memory is for strangers: it does not go with --direction out");
    }
    // A list puts together what is left by itself.
    let is_together = by.is_of_address() && by != By::Address && !(is_list && by == By::Network);
    if is_together {
        bail!(
            "--memory does not go with --by {}, which puts addresses together: take --by address",
            by.name()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_and_suffice() {
        assert_eq!(bytes("64M"), Ok(67_108_864));
        assert_eq!(bytes("128k"), Ok(131_072));
        for wrong in [
            "",
            "64",
            "M",
            "64MB",
            "127K",
            "0G",
            "-1M",
            "64é",
            "99999999999999G",
        ] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
