//! The envelope of a line, in three of its forms.

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use mailtally_parsers::{Timestamp, Zone};

use crate::grammar;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Who logs, and when.
#[derive(Debug)]
pub struct Envelope {
    /// The stamp, as the form states it.
    pub timestamp: Timestamp,
    /// The host.
    pub host: Vec<u8>,
    /// The process id, if there is one.
    pub pid: Option<u32>,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Rfc3164,
    Rfc3339,
    Rfc5424,
}

impl<'a> Arbitrary<'a> for Envelope {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let form = *u.choose(&[Form::Rfc3164, Form::Rfc3339, Form::Rfc5424])?;
        let mut timestamp = Timestamp {
            year: None,
            month: u.int_in_range(1..=12)?,
            day: u.int_in_range(1..=28)?,
            hour: u.int_in_range(0..=23)?,
            minute: u.int_in_range(0..=59)?,
            second: u.int_in_range(0..=59)?,
            micros: 0,
            zone: Zone::Unstated,
        };
        if !matches!(form, Form::Rfc3164) {
            timestamp.year = Some(u.int_in_range(1970..=2199)?);
            timestamp.micros = u.int_in_range(0..=999_999)?;
            timestamp.zone = match u.int_in_range(0..=3)? {
                0 => Zone::Utc,
                _ => Zone::Offset(u.int_in_range(-47..=55)? * 900),
            };
        }
        Ok(Envelope {
            timestamp,
            host: grammar::host(u)?,
            // No system has ids of more than nine digits.
            pid: grammar::maybe(u, |u| u.int_in_range(0..=999_999_999))?,
            form,
        })
    }
}

impl Envelope {
    /// Writes the envelope in front of a message.
    pub fn around(&self, tag: &[u8], message: &[u8]) -> Vec<u8> {
        let mut line = self.head();
        line.extend_from_slice(&self.host);
        line.push(b' ');
        line.extend_from_slice(tag);
        match (self.form, self.pid) {
            (Form::Rfc5424, Some(pid)) => line.extend(format!(" {pid} - - ").bytes()),
            (Form::Rfc5424, None) => line.extend(b" - - - "),
            (_, Some(pid)) => line.extend(format!("[{pid}]: ").bytes()),
            (_, None) => line.extend(b": "),
        }
        line.extend_from_slice(message);
        line
    }

    fn head(&self) -> Vec<u8> {
        let stamp = &self.timestamp;
        let clock = format!("{:02}:{:02}:{:02}", stamp.hour, stamp.minute, stamp.second);
        let month = MONTHS[usize::from(stamp.month) - 1];
        let long = || {
            let date = format!(
                "{:04}-{:02}-{:02}",
                stamp.year.unwrap_or(0),
                stamp.month,
                stamp.day
            );
            format!("{date}T{clock}.{:06}{} ", stamp.micros, zone(stamp.zone))
        };
        let text = match self.form {
            Form::Rfc3164 => format!("{month} {:2} {clock} ", stamp.day),
            Form::Rfc3339 => long(),
            Form::Rfc5424 => format!("<22>1 {}", long()),
        };
        text.into_bytes()
    }
}

fn zone(zone: Zone) -> String {
    match zone {
        Zone::Offset(seconds) => {
            let sign = if seconds < 0 { '-' } else { '+' };
            let minutes = seconds.unsigned_abs() / 60;
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
        Zone::Utc | Zone::Unstated => "Z".to_owned(),
    }
}
