//! Small searches in the text of a line.

use memchr::memmem;

/// Splits at the first occurrence: what stands before it, and what behind.
pub(super) fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memmem::find(text, mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

/// Splits at the last occurrence.
pub(super) fn split_last<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memmem::rfind(text, mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

/// Splits at the first of these bytes; it is the first one of what stands behind.
pub(super) fn until(text: &[u8], is_end: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| is_end(*byte));
    text.split_at_checked(end.unwrap_or(text.len()))
        .unwrap_or((text, b""))
}

/// Takes off what one of the words begins with, and says which it was.
pub(super) fn one_of<'a, 'w>(text: &'a [u8], words: &[&'w [u8]]) -> Option<(&'w [u8], &'a [u8])> {
    let found = words.iter().find(|word| text.starts_with(word))?;
    Some((found, text.get(found.len()..)?))
}

/// Takes three digits and a blank off.
pub(super) fn after_code(text: &[u8]) -> Option<&[u8]> {
    match *text {
        [a, b, c, b' ', ref rest @ ..] => {
            let are_digits = [a, b, c].iter().all(u8::is_ascii_digit);
            are_digits.then_some(rest)
        }
        _ => None,
    }
}

/// Tells whether a byte belongs to a word, as a regular expression's `\w` means it.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Goes through the places behind each occurrence of a mark: the text before them with the mark
/// cut off, and the text behind them.
pub(super) fn splits<'a>(
    text: &'a [u8],
    mark: &'a [u8],
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    memmem::find_iter(text, mark)
        .filter_map(move |at| Some((text.get(..at)?, text.get(at + mark.len()..)?)))
}
