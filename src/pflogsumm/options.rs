//! What pflogsumm can be asked for.

use crate::tally::stay_us;

/// How many rows of a list are shown.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Limit {
    /// All of them.
    #[default]
    All,
    /// So many; with 0 the list is left out, its title too.
    Top(u64),
}

impl Limit {
    /// Tells whether the list is to be left out.
    pub(super) fn is_none(self) -> bool {
        self == Limit::Top(0)
    }
}

/// The day of the run: stamps have no year, or one that pflogsumm drops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Today {
    /// The year of stamps up to this month; later months are last year's.
    pub year: i32,
    /// The month, 0 for January.
    pub month: i8,
}

impl Default for Today {
    fn default() -> Self {
        Today {
            year: 1970,
            month: 11,
        }
    }
}

/// The one day whose lines count, as both formats of stamps write it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Day {
    /// `Nov  1`
    pub rfc3164: String,
    /// `2026-11-01`
    pub rfc3339: String,
}

impl Day {
    /// Tells whether a line begins with this day.
    pub(super) fn has(&self, line: &[u8]) -> bool {
        let behind = |stamp: &str| line.strip_prefix(stamp.as_bytes())?.first().copied();
        behind(&self.rfc3164) == Some(b' ') || behind(&self.rfc3339) == Some(b'T')
    }
}

/// What pflogsumm can be asked for; each field is the option of that name.
#[derive(Clone, Default, Debug)]
pub struct Options {
    /// When the report is made.
    pub today: Today,
    /// `-d`: only the lines of this day.
    pub day: Option<Day>,
    /// `-h`
    pub host_count: Limit,
    /// `-u`
    pub user_count: Limit,
    /// `--bounce-detail`
    pub bounce_detail: Limit,
    /// `--deferral-detail`
    pub deferral_detail: Limit,
    /// `--reject-detail`
    pub reject_detail: Limit,
    /// `--smtp-detail`
    pub smtp_detail: Limit,
    /// `--smtpd-warning-detail`, which limits the warnings of all daemons
    pub smtpd_warning_detail: Limit,
    /// `-e`
    pub extended: bool,
    /// `-i`
    pub ignore_case: bool,
    /// `--iso-date-time`
    pub iso_date_time: bool,
    /// `-m`
    pub uucp_mung: bool,
    /// `--no-no-msg-size`
    pub no_no_msg_size: bool,
    /// `--problems-first`
    pub problems_first: bool,
    /// `--rej-add-from`
    pub rej_add_from: bool,
    /// `-q`
    pub quiet: bool,
    /// `--smtpd-stats`
    pub smtpd_stats: bool,
    /// `--syslog-name`, which may be a regular expression
    pub syslog_name: Option<String>,
    /// `--verbose-msg-detail`
    pub verbose_msg_detail: bool,
    /// `--verp-mung`, and how much of an address it takes
    pub verp_mung: Option<i64>,
    /// `--zero-fill`
    pub zero_fill: bool,
    /// The right numbers in place of pflogsumm's.
    pub mend: bool,
}

impl Options {
    /// Tells how many seconds a connection took; the mended numbers leave out one that is too long to
    /// be of one process.
    pub(super) fn stay(&self, since: i64, until: i64) -> Option<i64> {
        if !self.mend {
            return Some(until - since);
        }
        let us = |second: i64| second.saturating_mul(SECOND_US);
        let stay = stay_us(us(since), us(until))?;
        i64::try_from(stay).ok().map(|stay| stay / SECOND_US)
    }
}

/// Microseconds in a second.
const SECOND_US: i64 = 1_000_000;
