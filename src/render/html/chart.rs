//! Charts as inline SVG: lengths across are percent, so that a chart is as wide as its place and
//! its words keep their size on a phone.

use super::text;
use crate::report::{Chart, Form, Tone, number};

/// The height of upright bars, and of the words below them.
const PLOT: u64 = 150;
const WORDS: u64 = 20;
/// Where the scale of upright bars ends, below its number.
const TOP: u64 = 18;
/// The height of a lying bar with its words above it.
const ROW: u64 = 34;
/// The height of a row of a grid.
const FIELD: u64 = 22;
/// The part of a grid's width that the names of its rows take, in hundredths of a percent.
const NAMES: u64 = 900;
/// All of the width, in hundredths of a percent.
const ALL: u64 = 10_000;

/// Returns the class of a colour.
pub(super) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Other => "other",
        Tone::Bad => "bad",
        Tone::Unknown => "unknown",
    }
}

/// Adds the parts of a bar up.
pub(super) fn sum(parts: &[u64]) -> u64 {
    parts
        .iter()
        .fold(0, |sum: u64, part| sum.saturating_add(*part))
}

/// Appends a chart with its title and legend.
pub(super) fn push_chart(out: &mut String, chart: &Chart) {
    out.push_str(&format!(
        "<figure class=\"chart\">\n<figcaption>{}</figcaption>\n",
        text(chart.title)
    ));
    let is_named = chart.parts.len() > 1 && chart.parts.iter().all(|(name, _)| !name.is_empty());
    if chart.form == Form::Grid {
        out.push_str(&scale_of_grid(chart));
    } else if is_named {
        out.push_str(&legend(
            chart
                .parts
                .iter()
                .map(|(name, tone)| (name.as_str(), *tone)),
        ));
    }
    let (height, body) = match chart.form {
        Form::Columns => (PLOT + WORDS, columns(chart)),
        Form::Grid => (FIELD * number::len(chart.bars.len()) + WORDS, grid(chart)),
        Form::Bars | Form::Shares => (ROW * number::len(chart.bars.len()), rows(chart)),
    };
    out.push_str(&format!(
        "<svg role=\"img\" aria-label=\"{}; the table has the numbers\" height=\"{height}\">\n{body}</svg>\n</figure>\n",
        text(chart.title)
    ));
}

/// Returns what the colours mean.
pub(super) fn legend<'p>(parts: impl Iterator<Item = (&'p str, Tone)>) -> String {
    let item = |(name, tone)| {
        format!(
            "<li><svg aria-hidden=\"true\"><rect class=\"{}\" width=\"100%\" height=\"100%\" rx=\"2\"/></svg>{}</li>",
            class(tone),
            text(name)
        )
    };
    format!(
        "<ul class=\"legend\">{}</ul>\n",
        parts.map(item).collect::<String>()
    )
}

/// Returns a lying bar alone, for a cell of a table.
pub(super) fn bar(parts: impl Iterator<Item = (u64, Tone)>, scale: u64) -> String {
    let mut left = 0;
    let mut svg = String::from("<svg aria-hidden=\"true\">");
    for (part, tone) in parts.filter(|(part, _)| *part > 0) {
        let length = portion(part, scale, ALL).max(50);
        svg += &rect(left, 2, length, 12, class(tone), "");
        left += length;
    }
    svg + "</svg>"
}

/// Returns how much of `all` a part of a whole is.
fn portion(part: u64, whole: u64, all: u64) -> u64 {
    let portion = u128::from(part) * u128::from(all) / u128::from(whole.max(1));
    u64::try_from(portion).unwrap_or(all).min(all)
}

/// Writes hundredths of a percent.
fn percent(hundredths: u64) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn rect(x: u64, y: u64, width: u64, height: u64, class: &str, title: &str) -> String {
    let (x, width) = (percent(x), percent(width));
    let rect = format!(
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\""
    );
    if title.is_empty() {
        return rect + "/>\n";
    }
    format!("{rect}><title>{}</title></rect>\n", text(title))
}

fn words(x: u64, y: u64, anchor: &str, class: &str, words: &str) -> String {
    let x = percent(x);
    format!(
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" class=\"{class}\">{}</text>\n",
        text(words)
    )
}

fn columns(chart: &Chart) -> String {
    let scale = round_up(
        chart
            .bars
            .iter()
            .map(|(_, parts)| sum(parts))
            .max()
            .unwrap_or(1),
    );
    let bars = number::len(chart.bars.len()).max(1);
    let step = ALL / bars;
    let width = (step * 4 / 5).min(800);
    let mut svg = lines();
    // A word for each bar has no room on a phone.
    let every = bars.div_ceil(6);
    for (index, (name, parts)) in chart.bars.iter().enumerate() {
        let index = number::len(index);
        let left = step * index + (step - width) / 2;
        svg += &column(chart, name, parts, (left, width), scale);
        if index.is_multiple_of(every) {
            let name = name.split(' ').next().unwrap_or(name);
            let (x, anchor) = match index {
                0 if bars > 1 => (0, "start"),
                _ => (left + width / 2, "middle"),
            };
            svg += &words(x, PLOT + 15, anchor, "soft", name);
        }
    }
    svg + &marks(scale)
}

/// Returns one upright bar, its parts from its foot.
fn column(chart: &Chart, name: &str, parts: &[u64], at: (u64, u64), scale: u64) -> String {
    let (left, width) = at;
    let plot = PLOT - TOP;
    let mut foot = PLOT;
    let mut svg = String::new();
    for (part, (what, tone)) in parts
        .iter()
        .zip(&chart.parts)
        .filter(|(part, _)| **part > 0)
    {
        let height = portion(*part, scale, plot).max(1);
        foot = foot.saturating_sub(height);
        let title = format!("{name}: {} {what}", number::count(*part));
        svg += &rect(left, foot, width, height, class(*tone), &title);
    }
    svg
}

/// Returns the lines at all and half of the scale, and the foot.
fn lines() -> String {
    let line =
        |y: u64| format!("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>\n");
    [TOP, (TOP + PLOT) / 2, PLOT].map(line).concat()
}

/// Returns what the lines stand for, upon the bars.
fn marks(scale: u64) -> String {
    let mark = |y: u64, value: u64| words(0, y - 4, "start", "soft axis", &number::count(value));
    mark(TOP, scale) + &mark((TOP + PLOT) / 2, scale / 2)
}

/// Returns the next round number whose half is a whole one.
fn round_up(most: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for digit in [2, 3, 4, 5, 6, 8, 10] {
            let round = power.saturating_mul(digit);
            if round >= most && round.is_multiple_of(2) {
                return round;
            }
        }
        if power == u64::MAX {
            return power;
        }
        power = power.saturating_mul(10);
    }
}

fn rows(chart: &Chart) -> String {
    let longest = chart
        .bars
        .iter()
        .map(|(_, parts)| sum(parts))
        .max()
        .unwrap_or(1);
    let mut svg = String::new();
    for (index, (name, parts)) in chart.bars.iter().enumerate() {
        let top = ROW * number::len(index);
        let all = sum(parts);
        let scale = if chart.form == Form::Shares {
            all
        } else {
            longest
        };
        svg += &words(0, top + 13, "start", "name", &shortened(name));
        svg += &words(
            ALL,
            top + 13,
            "end",
            "soft",
            &beside(chart.form, parts, all),
        );
        svg += &rect(0, top + 18, ALL, 9, "track", "");
        let mut left = 0;
        for (part, (what, tone)) in parts
            .iter()
            .zip(&chart.parts)
            .filter(|(part, _)| **part > 0)
        {
            let length = portion(*part, scale, ALL).max(30);
            let title = format!("{name}: {} {what}", number::count(*part));
            svg += &rect(left, top + 18, length, 9, class(*tone), title.trim_end());
            left += length;
        }
    }
    svg
}

/// The numbers at the end of a lying bar: how much, or how it divides.
fn beside(form: Form, parts: &[u64], all: u64) -> String {
    if form != Form::Shares || all == 0 {
        return number::count(all);
    }
    let shares: Vec<String> = parts.iter().map(|part| number::share(*part, all)).collect();
    shares.join(" · ")
}

/// Cuts a name that would run into the numbers on a phone; the table has the whole.
fn shortened(name: &str) -> String {
    let mut short = String::new();
    super::super::width::push_fitted(&mut short, name, 30);
    short
}

/// Returns the largest part of all bars.
fn largest(chart: &Chart) -> u64 {
    let parts = chart.bars.iter().flat_map(|(_, parts)| parts);
    parts.copied().max().unwrap_or(0)
}

fn grid(chart: &Chart) -> String {
    let most = largest(chart);
    let columns = number::len(chart.parts.len()).max(1);
    let step = (ALL - NAMES) / columns;
    let every = columns.div_ceil(8);
    let mut svg = String::new();
    for (index, (name, _)) in chart.parts.iter().enumerate() {
        let index = number::len(index);
        if index.is_multiple_of(every) {
            svg += &words(NAMES + step * index, 12, "start", "soft", name);
        }
    }
    for (row, (name, fields)) in chart.bars.iter().enumerate() {
        let top = WORDS + FIELD * number::len(row);
        svg += &words(0, top + 15, "start", "name", name);
        for (index, (field, (column, _))) in fields.iter().zip(&chart.parts).enumerate() {
            let left = NAMES + step * number::len(index);
            let title = format!("{name} {column}: {}", number::count(*field));
            svg += &rect(
                left,
                top + 1,
                step * 9 / 10,
                FIELD - 2,
                level(*field, most),
                &title,
            );
        }
    }
    svg
}

fn level(field: u64, most: u64) -> &'static str {
    if field == 0 {
        return "level0";
    }
    match portion(field, most, 4) {
        0 => "level1",
        1 => "level2",
        2 => "level3",
        _ => "level4",
    }
}

fn scale_of_grid(chart: &Chart) -> String {
    let most = largest(chart);
    let box_of = |class: &str| {
        format!(
            "<svg aria-hidden=\"true\"><rect class=\"{class}\" width=\"100%\" height=\"100%\" rx=\"2\"/></svg>"
        )
    };
    format!(
        "<ul class=\"legend\"><li>{}none</li><li>{}up to a quarter</li><li>{}up to half</li>\
         <li>{}up to three quarters</li><li>{}up to {}</li></ul>\n",
        box_of("level0"),
        box_of("level1"),
        box_of("level2"),
        box_of("level3"),
        box_of("level4"),
        number::count(most)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_in_round_numbers() {
        for (most, expected) in [
            (0, 2),
            (1, 2),
            (3, 4),
            (9, 10),
            (11, 20),
            (55, 60),
            (230, 300),
            (420, 500),
            (801, 1_000),
        ] {
            assert_eq!(round_up(most), expected, "{most}");
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn portions_stay_within_all() {
        assert_eq!(portion(1, 4, ALL), 2_500);
        assert_eq!(portion(5, 4, ALL), ALL);
        assert_eq!(portion(u64::MAX, u64::MAX, ALL), ALL);
        assert_eq!(portion(0, 0, ALL), 0);
        assert_eq!(percent(2_505), "25.05%");
    }

    #[test]
    fn the_darker_the_more() {
        let levels = [0, 1, 25, 50, 75, 100].map(|field| level(field, 100));
        assert_eq!(
            levels,
            ["level0", "level1", "level2", "level3", "level4", "level4"]
        );
    }
}
