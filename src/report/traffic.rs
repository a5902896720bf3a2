//! Traffic per day and per hour of the day, in pflogsumm's five columns.

use chrono::NaiveDate;

use super::number::{counted, len};
use super::{Block, Cell, Column, Options, Section, Table};
use crate::tally::totals::{DayRow, HourRow, Traffic, WeekdayHourRow};

/// Days shown in text: a month.
const DAYS: usize = 31;

/// Shows the traffic of each day, the latest days if there are many; nothing for a single day.
pub(crate) fn per_day(days: &[DayRow], options: Options) -> Option<Section> {
    if days.len() < 2 {
        return None;
    }
    let hidden = days.len().saturating_sub(options.rows(DAYS));
    let mut table = table("day");
    let shown = days.iter().skip(hidden);
    table.rows = shown
        .map(|row| cells(with_weekday(&row.date), &row.traffic))
        .collect();
    let mut blocks = Vec::new();
    if hidden > 0 {
        let days = counted(len(hidden), "earlier day is", "earlier days are");
        blocks.push(Block::Note(format!("{days} not shown.")));
    }
    blocks.push(Block::Table(table));
    Some(Section {
        id: "per_day",
        title: "Traffic per day".into(),
        blocks,
    })
}

/// Shows the traffic of each hour of the day, from the first hour with any to the last.
pub(crate) fn per_hour(hours: &[HourRow]) -> Option<Section> {
    let busy = |row: &HourRow| row.traffic != Traffic::default();
    let first = hours.iter().position(busy)?;
    let last = hours.iter().rposition(busy)?;
    let mut table = table("hour");
    let shown = hours.iter().take(last + 1).skip(first);
    table.rows = shown
        .map(|row| cells(format!("{:02}:00", row.hour), &row.traffic))
        .collect();
    Some(Section {
        id: "per_hour",
        title: "Traffic per hour of the day".into(),
        blocks: vec![Block::Table(table)],
    })
}

/// Shows the mail received in each hour of each weekday; nothing for a single day.
pub(crate) fn weekdays(rows: &[WeekdayHourRow], days: usize) -> Option<Section> {
    if days < 2 || rows.iter().all(|row| row.traffic.received == 0) {
        return None;
    }
    let received = |weekday, hour| {
        let row = rows
            .iter()
            .find(|row| (row.weekday, row.hour) == (weekday, hour));
        Cell::Count(row.map_or(0, |row| row.traffic.received))
    };
    let mut columns = vec![Column::text("hour")];
    columns.extend(WEEKDAYS.map(|(_, name)| Column::number(name)));
    let mut table = Table::new(columns);
    table.rows = (0..24)
        .map(|hour| {
            let first = Cell::Text(format!("{hour:02}:00"));
            let days = WEEKDAYS.map(|(weekday, _)| received(weekday, hour));
            [first].into_iter().chain(days).collect()
        })
        .collect();
    Some(Section {
        id: "weekdays",
        title: "Mail received by weekday and hour".into(),
        blocks: vec![Block::Table(table)],
    })
}

const WEEKDAYS: [(u8, &str); 7] = [
    (1, "Mon"),
    (2, "Tue"),
    (3, "Wed"),
    (4, "Thu"),
    (5, "Fri"),
    (6, "Sat"),
    (7, "Sun"),
];

fn table(first_column: &'static str) -> Table {
    Table::new(vec![
        Column::text(first_column),
        Column::number("received"),
        Column::number("delivered"),
        Column::number("deferrals"),
        Column::number("bounced"),
        Column::number("rejected"),
        Column::bar(&["received", "rejected"]),
    ])
}

fn cells(label: String, traffic: &Traffic) -> Vec<Cell> {
    vec![
        Cell::Text(label),
        Cell::Count(traffic.received),
        Cell::Count(traffic.delivered),
        Cell::Count(traffic.deferrals),
        Cell::Count(traffic.bounced),
        Cell::Count(traffic.rejected),
        Cell::Bar(vec![traffic.received, traffic.rejected]),
    ]
}

fn with_weekday(date: &str) -> String {
    match date.parse::<NaiveDate>() {
        Ok(day) => format!("{date} {}", day.format("%a")),
        Err(_) => date.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn traffic(received: u64, rejected: u64) -> Traffic {
        Traffic {
            received,
            delivered: received + 1,
            deferrals: 2,
            bounced: 0,
            rejected,
        }
    }

    fn day(date: &str, received: u64) -> DayRow {
        DayRow {
            date: date.into(),
            traffic: traffic(received, 3),
        }
    }

    #[test]
    fn hours_run_from_the_first_busy_one_to_the_last() {
        let mut hours: Vec<HourRow> = (0..24)
            .map(|hour| HourRow {
                hour,
                traffic: Traffic::default(),
            })
            .collect();
        assert_eq!(per_hour(&hours), None);
        hours[7].traffic = traffic(10, 5);
        hours[9].traffic = traffic(4, 0);
        let expected = "\
Traffic per hour of the day
hour | received | delivered | deferrals | bounced | rejected | 
07:00 | 10 | 11 | 2 | 0 | 5 | [10, 5]
08:00 | 0 | 0 | 0 | 0 | 0 | [0, 0]
09:00 | 4 | 5 | 2 | 0 | 0 | [4, 0]
";
        assert_eq!(plain(&per_hour(&hours).unwrap()), expected);
    }

    #[test]
    fn days_have_their_weekday_and_one_day_needs_no_table() {
        let days = [day("2026-11-21", 5), day("2026-11-22", 6)];
        assert_eq!(per_day(&days[..1], Options::default()), None);
        let expected = "\
Traffic per day
day | received | delivered | deferrals | bounced | rejected | 
2026-11-21 Sat | 5 | 6 | 2 | 0 | 3 | [5, 3]
2026-11-22 Sun | 6 | 7 | 2 | 0 | 3 | [6, 3]
";
        assert_eq!(
            plain(&per_day(&days, Options::default()).unwrap()),
            expected
        );
    }

    #[test]
    fn weekdays_stand_beside_each_other() {
        let rows = [WeekdayHourRow {
            weekday: 7,
            hour: 3,
            traffic: traffic(12, 0),
        }];
        assert_eq!(weekdays(&rows, 1), None);
        let text = plain(&weekdays(&rows, 2).unwrap());
        assert!(
            text.contains("hour | Mon | Tue | Wed | Thu | Fri | Sat | Sun\n"),
            "{text}"
        );
        assert!(
            text.contains("\n03:00 | 0 | 0 | 0 | 0 | 0 | 0 | 12\n04:00 | 0"),
            "{text}"
        );
    }

    #[test]
    fn many_days_are_cut_to_the_latest() {
        let days = [
            day("2026-11-20", 4),
            day("2026-11-21", 5),
            day("2026-11-22", 6),
        ];
        let text = plain(&per_day(&days, Options::with_top(2)).unwrap());
        assert!(text.contains("> 1 earlier day is not shown.\n"), "{text}");
        assert!(!text.contains("2026-11-20"), "{text}");
        assert!(text.contains("2026-11-22 Sun"), "{text}");
    }
}
