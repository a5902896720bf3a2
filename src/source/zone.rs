//! Zones: from stamps to the wall clock that a report shows.
//!
//! | stamp | without `--tz` | with `--tz` |
//! |---|---|---|
//! | no zone (RFC 3164) | as logged | as logged |
//! | an offset (`+02:00`) | as logged | converted |
//! | an instant (`Z`, epoch, journal) | in the machine's zone | converted |

use chrono::{DateTime, Local, Offset, TimeZone};
use chrono_tz::Tz;
use mailtally_parsers::Zone;

use super::calendar::SECOND_US;
use super::wall_time::WallTime;

/// Zones change their offset only at full quarters of an hour.
const CACHED_SECS: i64 = 900;

/// Converts stamps to wall-clock time; remembers the last offset, for the calendar is slow.
#[derive(Clone, Debug)]
pub(super) struct ZoneClock {
    tz: Option<Tz>,
    cached: Option<(i64, i32)>,
}

impl ZoneClock {
    /// Makes the clock of `--tz`, or of the machine's own zone.
    pub(super) fn new(tz: Option<Tz>) -> Self {
        ZoneClock { tz, cached: None }
    }

    /// Converts the time that a stamp states.
    pub(super) fn wall_time(&mut self, stated_us: i64, zone: Zone) -> WallTime {
        match zone {
            Zone::Unstated => WallTime {
                wall_us: stated_us,
                offset_secs: None,
            },
            Zone::Offset(offset) if self.tz.is_none() => WallTime {
                wall_us: stated_us,
                offset_secs: Some(offset),
            },
            Zone::Offset(offset) => self.shown(stated_us - i64::from(offset) * SECOND_US),
            Zone::Utc => self.shown(stated_us),
        }
    }

    /// Shows an instant on the wall clock.
    pub(super) fn shown(&mut self, instant_us: i64) -> WallTime {
        let offset = self.offset(instant_us.div_euclid(SECOND_US));
        WallTime {
            wall_us: instant_us + i64::from(offset) * SECOND_US,
            offset_secs: Some(offset),
        }
    }

    /// Returns the instant at which the wall clock shows a time; one of them if it does so twice,
    /// one nearby if it does not.
    pub(super) fn instant_us(&self, wall_us: i64) -> i64 {
        let offset_at = |us: i64| calendar_offset(self.tz, us.div_euclid(SECOND_US));
        let guess_us = wall_us.saturating_sub(i64::from(offset_at(wall_us)) * SECOND_US);
        wall_us.saturating_sub(i64::from(offset_at(guess_us)) * SECOND_US)
    }

    fn offset(&mut self, instant_secs: i64) -> i32 {
        let quarter = instant_secs.div_euclid(CACHED_SECS);
        match self.cached {
            Some((cached, offset)) if cached == quarter => offset,
            _ => {
                let offset = calendar_offset(self.tz, instant_secs);
                self.cached = Some((quarter, offset));
                offset
            }
        }
    }
}

fn calendar_offset(tz: Option<Tz>, instant_secs: i64) -> i32 {
    let Some(utc) = DateTime::from_timestamp(instant_secs, 0) else {
        return 0;
    };
    let utc = utc.naive_utc();
    match tz {
        Some(tz) => tz.offset_from_utc_datetime(&utc).fix().local_minus_utc(),
        None => Local.offset_from_utc_datetime(&utc).local_minus_utc(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-10-25T01:00:00Z: Berlin's clock goes from 3 back to 2.
    const END_OF_SUMMER_US: i64 = 1_792_890_000 * SECOND_US;

    #[test]
    fn shows_instants_and_offsets_in_the_zone_asked_for() {
        let mut berlin = ZoneClock::new(Some(chrono_tz::Europe::Berlin));
        let before = berlin.wall_time(END_OF_SUMMER_US - 1, Zone::Utc);
        assert_eq!(before.to_rfc3339(), "2026-10-25T02:59:59.999999+02:00");
        let after = berlin.wall_time(END_OF_SUMMER_US, Zone::Utc);
        assert_eq!(after.to_rfc3339(), "2026-10-25T02:00:00+01:00");
        let converted = berlin.wall_time(END_OF_SUMMER_US, Zone::Offset(-3600));
        assert_eq!(converted.to_rfc3339(), "2026-10-25T03:00:00+01:00");
    }

    #[test]
    fn finds_the_instant_of_a_wall_clock() {
        let hour_us = 3600 * SECOND_US;
        let berlin = ZoneClock::new(Some(chrono_tz::Europe::Berlin));
        for (wall_us, instant_us) in [
            (END_OF_SUMMER_US - hour_us, END_OF_SUMMER_US - 3 * hour_us),
            (
                END_OF_SUMMER_US + 3 * hour_us,
                END_OF_SUMMER_US + 2 * hour_us,
            ),
            (i64::MIN, i64::MIN),
        ] {
            assert_eq!(berlin.instant_us(wall_us), instant_us);
        }
    }

    #[test]
    fn leaves_wall_clock_alone() {
        for tz in [None, Some(chrono_tz::Asia::Kolkata)] {
            let shown = ZoneClock::new(tz).wall_time(END_OF_SUMMER_US, Zone::Unstated);
            assert_eq!(shown.to_rfc3339(), "2026-10-25T01:00:00");
        }
        let shown = ZoneClock::new(None).wall_time(END_OF_SUMMER_US, Zone::Offset(-3600));
        assert_eq!(shown.to_rfc3339(), "2026-10-25T01:00:00-01:00");
    }
}
