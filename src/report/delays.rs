//! How long deliveries took: percentiles of each stage.

use super::number::{counted, duration};
use super::{Block, Cell, Column, Section, Table};
use crate::tally::totals::DelayRow;

/// Shows the stages of deliveries over the network, then of those on the own hosts.
pub(crate) fn delays(rows: &[DelayRow]) -> Option<Section> {
    let tables = ["outbound", "local"].into_iter();
    let mut blocks: Vec<Block> = tables
        .filter_map(|direction| table(rows, direction))
        .collect();
    if blocks.is_empty() {
        return None;
    }
    blocks.push(Block::Note(
        "p90: nine of ten recipients had it no later. Percentiles are within 2% of the exact ones; \
         the longest is exact."
            .into(),
    ));
    Some(Section {
        id: "delays",
        title: "Delays of delivered mail".into(),
        blocks,
    })
}

fn table(rows: &[DelayRow], direction: &str) -> Option<Block> {
    let rows: Vec<&DelayRow> = rows
        .iter()
        .filter(|row| row.direction == direction)
        .collect();
    let whole = rows.iter().find(|row| row.stage == "total")?;
    let mut table = Table::titled(
        caption(direction, whole.count),
        vec![
            Column::text("stage"),
            Column::number("p50"),
            Column::number("p90"),
            Column::number("p95"),
            Column::number("p99"),
            Column::number("longest"),
        ],
    );
    for row in rows {
        let times = [row.p50_us, row.p90_us, row.p95_us, row.p99_us, row.max_us];
        let times = times.into_iter().map(|us| Cell::text(duration(us)));
        let stage = Cell::text(stage(row.stage));
        table.rows.push([stage].into_iter().chain(times).collect());
    }
    Some(Block::Table(table))
}

fn caption(direction: &str, deliveries: u64) -> String {
    let to = match direction {
        "outbound" => "Over the network",
        _ => "On the own hosts",
    };
    format!("{to} ({})", counted(deliveries, "recipient", "recipients"))
}

fn stage(stage: &str) -> &str {
    match stage {
        "before_qmgr" => "before the queue manager",
        "in_qmgr" => "in the queue",
        "connection" => "connection setup",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn row(direction: &'static str, stage: &'static str, us: u64) -> DelayRow {
        DelayRow {
            direction,
            stage,
            count: 1_234,
            p50_us: us,
            p90_us: 2 * us,
            p95_us: 3 * us,
            p99_us: 4 * us,
            max_us: 5 * us,
            sum_us: 0,
            at_most: Vec::new(),
        }
    }

    #[test]
    fn shows_stages_by_direction() {
        let rows = [
            row("outbound", "in_qmgr", 12_000),
            row("outbound", "total", 1_500_000),
        ];
        let expected = "\
Delays of delivered mail
[Over the network (1,234 recipients)]
stage | p50 | p90 | p95 | p99 | longest
in the queue | 12 ms | 24 ms | 36 ms | 48 ms | 60 ms
total | 1.5 s | 3.0 s | 4.5 s | 6.0 s | 7.5 s
> p90: nine of ten recipients had it no later. Percentiles are within 2% of the exact ones; the \
longest is exact.
";
        assert_eq!(plain(&delays(&rows).unwrap()), expected);
    }

    #[test]
    fn nothing_delivered_is_no_section() {
        assert!(delays(&[]).is_none());
    }
}
