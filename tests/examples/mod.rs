//! The tables of example messages in `fixtures/`: what each row says, read without the parser.

/// A message with the kind that it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Example {
    /// The name of the kind.
    pub(crate) kind: &'static str,
    /// The tag, without process id; empty for syslogd's own line without one.
    pub(crate) program: &'static str,
    /// The message, without its envelope.
    pub(crate) message: &'static str,
}

/// A message with its kind and the finer class within that kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Subkind {
    /// The name of the kind.
    pub(crate) kind: &'static str,
    /// The name of the finer class.
    pub(crate) subkind: &'static str,
    /// The tag, without process id.
    pub(crate) program: &'static str,
    /// The message, without its envelope.
    pub(crate) message: &'static str,
}

/// The examples of the catalogue: `kind, program, since, until, message`.
pub(crate) fn catalogue() -> Vec<Example> {
    examples(include_str!("../../fixtures/examples.tsv"))
}

/// The project's own examples, of what the catalogue does not list; the same columns.
pub(crate) fn own() -> Vec<Example> {
    examples(include_str!("../../fixtures/own_examples.tsv"))
}

/// The examples of finer classes: `kind, subkind, program, message`.
pub(crate) fn subkinds() -> Vec<Subkind> {
    let text = include_str!("../../fixtures/subkinds.tsv");
    rows(text)
        .map(|[kind, subkind, program, message]| Subkind {
            kind,
            subkind,
            program,
            message,
        })
        .collect()
}

fn examples(text: &'static str) -> Vec<Example> {
    rows(text)
        .map(|[kind, program, _since, _until, message]| Example {
            kind,
            program,
            message,
        })
        .collect()
}

/// Reads the rows below the line with the names of the columns; `#` begins a comment.
fn rows<const N: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            cells
                .try_into()
                .unwrap_or_else(|_| panic!("not {N} columns: {line}"))
        })
}
