//! Time stamps as logged: no year inferred, no zone applied.

/// What a stamp says about its zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Zone {
    /// Nothing: wall clock of the logging machine (RFC 3164).
    Unstated,
    /// An offset from UTC in seconds (`+02:00` is 7200): wall clock, and the instant is known.
    Offset(i32),
    /// An instant in UTC (`Z`, seconds since the epoch): no wall clock is stated.
    Utc,
}

/// The fields of a time stamp, as logged.
///
/// The parts are in range (month 1..=12, day 1..=31, hour 0..=23, minute 0..=59, second 0..=60);
/// whether the day exists in the year is for the calendar to say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Timestamp {
    /// The year; RFC 3164 stamps have none.
    pub year: Option<u16>,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, 1 to 31.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 60.
    pub second: u8,
    /// The fraction of the second, in microseconds; further digits are cut.
    pub micros: u32,
    /// What the stamp says about its zone.
    pub zone: Zone,
}

impl Timestamp {
    /// The first moment of a year.
    pub(crate) const EMPTY: Self = Timestamp {
        year: None,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        micros: 0,
        zone: Zone::Unstated,
    };
}
