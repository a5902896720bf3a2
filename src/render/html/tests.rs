//! What a page must have, and must not.

use super::*;
use crate::report::{
    Block, Cell, Chart, Column, Form, Highlight, Kind, Pairs, Rest, Section, Table, Tone,
};

const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\" onclick='alert(3)' \x1b[2J\u{202e}";

fn section(id: &'static str, title: &str, blocks: Vec<Block>) -> Section {
    Section {
        id,
        title: title.into(),
        blocks,
    }
}

fn render(sections: Vec<Section>) -> String {
    let mut out = Vec::new();
    let report = Report {
        sections,
        figures: (),
    };
    html(&report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn table(rows: Vec<Vec<Cell>>) -> Table {
    let column = |(title, kind)| Column { title, kind };
    Table {
        caption: Some("Fruit".into()),
        columns: [
            ("what", Kind::Text),
            ("count", Kind::Number),
            ("share", Kind::Number),
        ]
        .map(column)
        .into(),
        rows,
        rest: Some(Rest { rows: 3, count: 4 }),
        note: None,
    }
}

fn chart(form: Form, name: &str) -> Chart {
    Chart {
        title: "Fruit by kind",
        form,
        parts: vec![("ripe".into(), Tone::Good), ("rotten".into(), Tone::Bad)],
        bars: vec![(name.into(), vec![3, 1]), ("pears".into(), vec![0, 0])],
    }
}

/// A page in which a stranger wrote wherever a stranger can.
fn hostile() -> String {
    let mut blocks = vec![
        Block::Note(HOSTILE.into()),
        Block::Pairs(vec![Pairs {
            title: "",
            rows: vec![(Cell::Count(1), HOSTILE.into())],
        }]),
    ];
    for form in [Form::Columns, Form::Bars, Form::Shares, Form::Grid] {
        blocks.push(Block::Chart(chart(form, HOSTILE)));
        let row = vec![Cell::text(HOSTILE), Cell::Count(1), Cell::NotLogged];
        blocks.push(Block::Table(table(vec![row])));
    }
    let fact = Table {
        columns: vec![Column::text(""), Column::text("")],
        rows: vec![vec![Cell::text("hosts"), Cell::text(HOSTILE)]],
        ..Table::default()
    };
    let highlight = Highlight {
        figure: Cell::Count(0),
        label: "received",
        note: HOSTILE.into(),
        section: "fruit",
        tone: Tone::Good,
    };
    let head = vec![
        Block::Table(fact),
        Block::Note(HOSTILE.into()),
        Block::Highlights(vec![highlight]),
    ];
    render(vec![
        section("head", HOSTILE, head),
        section("fruit", HOSTILE, blocks),
    ])
}

#[test]
fn a_stranger_cannot_write_markup() {
    let page = hostile();
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    for tag in ["<img", "<iframe", "<a href=\"javascript"] {
        assert!(!page.contains(tag), "{tag}");
    }
    assert!(page.matches("&lt;script&gt;").count() > 10);
    assert!(!page.contains('\x1b') && !page.contains('\u{202e}'));
    // No attribute is opened by a quote of a stranger's.
    assert!(!page.contains("\" onclick"));
}

#[test]
fn a_page_asks_nobody_for_anything() {
    let page = hostile();
    for word in [
        "http://", "https://", "src=", "url(", "@import", "style=", "<link", "<base",
    ] {
        let found = page.find(word).map(|at| &page[at..page.len().min(at + 80)]);
        // The stranger's own words are text.
        assert!(
            found.is_none_or(|found| found.starts_with("src=x onerror")),
            "{found:?}"
        );
    }
}

#[test]
fn the_policy_allows_this_script_and_style_alone() {
    let page = render(vec![]);
    let between = |open: &str, close: &str| {
        let (_, rest) = page.split_once(open).unwrap();
        rest.split_once(close).unwrap().0.to_owned()
    };
    let policy = between("Content-Security-Policy\" content=\"", "\"");
    // By `openssl dgst -sha256 -binary | base64` of nothing and of `abc`.
    assert_eq!(
        page::hash(""),
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    );
    assert_eq!(
        page::hash("abc"),
        "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    );
    let (style, script) = (
        between("<style>", "</style>"),
        between("<script>", "</script>"),
    );
    assert!(script.len() > 500 && style.len() > 500);
    let expected = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        page::hash(&style),
        page::hash(&script)
    );
    assert_eq!(policy, expected);
}

#[test]
fn a_table_has_headings_values_and_what_is_left_out() {
    let rows = vec![
        vec![
            Cell::text("apples"),
            Cell::Count(1_234),
            Cell::Share { part: 1, whole: 3 },
        ],
        vec![
            Cell::text("pears"),
            Cell::NotLogged,
            Cell::Share { part: 0, whole: 0 },
        ],
    ];
    let page = render(vec![
        section("head", "Head", vec![]),
        section("fruit", "Fruit & more", vec![Block::Table(table(rows))]),
        section("none", "Nuts: none", vec![]),
    ]);
    for expected in [
        "<section id=\"fruit\" aria-labelledby=\"fruit-title\">\n<h2 id=\"fruit-title\">Fruit &amp; more</h2>",
        "<li><a href=\"#fruit\">Fruit &amp; more</a></li>\n</ul>",
        "<caption>Fruit</caption>",
        "<th scope=\"col\" class=\"number\">count</th>",
        "<th scope=\"row\" class=\"text short\">apples</th><td class=\"number\" data-value=\"1234\">1,234</td>\
         <td class=\"number\" data-value=\"333333\">33%</td>",
        "<td class=\"number\" data-value=\"\">?</td>",
        "<p class=\"soft\">… 3 more (4 in sum)</p>",
        "<section id=\"none\" aria-labelledby=\"none-title\" class=\"said\">",
    ] {
        assert!(
            page.contains(expected),
            "no {expected}\nin {}",
            &page[page.find("<body").unwrap()..]
        );
    }
}

#[test]
fn a_chart_stands_beside_its_table_and_shows_its_parts() {
    let rows = vec![vec![Cell::text("apples"), Cell::Count(4), Cell::Empty]];
    let blocks = vec![
        Block::Chart(chart(Form::Shares, "apples")),
        Block::Table(table(rows)),
    ];
    let page = render(vec![
        section("head", "Head", vec![]),
        section("fruit", "Fruit", blocks),
    ]);
    let (_, beside) = page.split_once("<div class=\"beside\">").unwrap();
    let (figure, after) = beside.split_once("</figure>").unwrap();
    assert!(
        after.starts_with("\n<div>\n<div class=\"scroll\""),
        "{after}"
    );
    assert!(
        figure.contains("x=\"0.00%\" y=\"18\" width=\"75.00%\""),
        "{figure}"
    );
    assert!(figure.contains("<title>apples: 3 ripe</title>"), "{figure}");
    assert!(
        figure.contains("x=\"75.00%\" y=\"18\" width=\"25.00%\""),
        "{figure}"
    );
    assert!(figure.contains(">75% · 25%</text>"), "{figure}");
    assert!(figure.contains("</svg>ripe</li>"), "{figure}");
}

#[test]
fn a_long_text_is_cut() {
    let long = "w".repeat(65_536);
    let page = render(vec![section(
        "head",
        &long,
        vec![Block::Note(long.clone())],
    )]);
    assert!(!page.contains(&"w".repeat(WIDEST + 1)));
}
