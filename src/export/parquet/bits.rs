//! Numbers in few bits, in the three ways that Parquet has: packed, in runs, as differences.
//!
//! What a number stands for is **not** known here.

/// Appends a number in groups of seven bits, the lowest first (ULEB128).
pub(super) fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(low_byte(number) | 0x80);
        number >>= 7;
    }
    out.push(low_byte(number));
}

fn low_byte(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}

/// Returns in how many bits a number fits; zero takes none.
pub(super) fn width_of(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

/// Appends numbers of `width` bits each, the lowest bit first; the last byte is filled up with zeros.
pub(super) fn pack(out: &mut Vec<u8>, numbers: impl Iterator<Item = u64>, width: u32) {
    // Up to seven bits wait for more.
    let (mut waiting, mut bits) = (0_u128, 0);
    for number in numbers {
        waiting |= u128::from(number) << bits;
        bits += width;
        while bits >= 8 {
            let [low, ..] = waiting.to_le_bytes();
            out.push(low);
            waiting >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        let [low, ..] = waiting.to_le_bytes();
        out.push(low);
    }
}

/// Appends one run of a number that comes `count` times (the hybrid of runs and packed numbers).
pub(super) fn push_run(out: &mut Vec<u8>, count: usize, number: u8) {
    push_varint(out, (count as u64) << 1);
    out.push(number);
}

/// Appends the head of `count` packed numbers; they are packed in eights.
pub(super) fn push_packed_head(out: &mut Vec<u8>, count: usize) {
    push_varint(out, ((count.div_ceil(8) as u64) << 1) | 1);
}

/// Appends numbers by the places of a dictionary, as one stretch of packed numbers.
pub(super) fn push_packed(out: &mut Vec<u8>, numbers: &[u32], width: u32) {
    push_packed_head(out, numbers.len());
    let filled = numbers.len().next_multiple_of(8) - numbers.len();
    match width {
        8 => {
            out.extend(numbers.iter().map(|number| low_byte(u64::from(*number))));
            out.resize(out.len() + filled, 0);
        }
        16 => {
            let start = out.len();
            out.resize(start + 2 * (numbers.len() + filled), 0);
            let places = out.get_mut(start..).unwrap_or_default();
            for (place, number) in places.chunks_exact_mut(2).zip(numbers) {
                let [low, high, ..] = number.to_le_bytes();
                place.copy_from_slice(&[low, high]);
            }
        }
        _ => {
            let numbers = numbers.iter().map(|number| u64::from(*number));
            pack(out, numbers.chain(std::iter::repeat_n(0, filled)), width);
        }
    }
}

/// Numbers in a block of differences, and in each of its four parts.
const BLOCK: usize = 128;
const PARTS: usize = 4;
const PART: usize = BLOCK / PARTS;

/// In how many bits differences may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Widths {
    /// In as few as hold them.
    Fewest,
    /// In whole bytes: those of a log's times come again, and zstd finds what does where it begins with a byte. Of times in
    /// whole seconds it leaves an eighth less.
    WholeBytes,
}

impl Widths {
    fn of(self, width: u32) -> u32 {
        match self {
            Widths::Fewest => width,
            Widths::WholeBytes => width.next_multiple_of(8),
        }
    }
}

/// Appends numbers as differences to the one before (`DELTA_BINARY_PACKED`).
pub(super) fn push_deltas(out: &mut Vec<u8>, numbers: &[i64], widths: Widths) {
    push_varint(out, BLOCK as u64);
    push_varint(out, PARTS as u64);
    push_varint(out, numbers.len() as u64);
    push_varint(out, zigzag(numbers.first().copied().unwrap_or(0)));
    let deltas = numbers.iter().zip(numbers.iter().skip(1));
    let deltas: Vec<i64> = deltas
        .map(|(before, number)| number.wrapping_sub(*before))
        .collect();
    for block in deltas.chunks(BLOCK) {
        push_block(out, block, widths);
    }
}

fn push_block(out: &mut Vec<u8>, deltas: &[i64], widths: Widths) {
    let least = deltas.iter().copied().min().unwrap_or(0);
    push_varint(out, zigzag(least));
    let above: Vec<u64> = deltas
        .iter()
        .map(|delta| delta.wrapping_sub(least).cast_unsigned())
        .collect();
    let widths: Vec<u32> = above
        .chunks(PART)
        .map(|part| part.iter().copied().map(width_of).max().unwrap_or(0))
        .map(|width| widths.of(width))
        .collect();
    // Parts behind the last number have a width too, and nothing else.
    for part in 0..PARTS {
        out.push(low_byte(u64::from(widths.get(part).copied().unwrap_or(0))));
    }
    for (part, width) in above.chunks(PART).zip(widths) {
        let filled = std::iter::repeat_n(0, PART - part.len());
        pack(out, part.iter().copied().chain(filled), width);
    }
}

/// Folds numbers so that those near zero are small, whatever their sign.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(numbers: &[u64], width: u32) -> Vec<u8> {
        let mut out = Vec::new();
        pack(&mut out, numbers.iter().copied(), width);
        out
    }

    #[test]
    fn packs_as_the_format_says() {
        // The example of the format's own description: 0 to 7 in three bits each.
        let bytes = packed(&[0, 1, 2, 3, 4, 5, 6, 7], 3);
        assert_eq!(bytes, [0b1000_1000, 0b1100_0110, 0b1111_1010]);
        assert_eq!(packed(&[1, 1], 1), [3]);
        assert_eq!(packed(&[u64::MAX, 1], 64).len(), 16);
        assert!(packed(&[0, 0, 0], 0).is_empty());
    }

    #[test]
    fn whole_bytes_are_the_same_as_packed_ones() {
        let numbers: Vec<u32> = (0..21).map(|number| number * 11).collect();
        for width in [8, 16] {
            let mut out = Vec::new();
            push_packed(&mut out, &numbers, width);
            let wide = numbers.iter().map(|number| u64::from(*number));
            let mut expected = vec![(3 << 1) | 1];
            pack(&mut expected, wide.chain([0; 3]), width);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn numbers_of_many_bytes_are_groups_of_seven_bits() {
        let mut out = Vec::new();
        push_varint(&mut out, 300);
        push_run(&mut out, 100, 1);
        assert_eq!(out, [0xac, 0x02, 0xc8, 0x01, 1]);
    }

    #[test]
    fn small_numbers_of_both_signs_fold_to_small_ones() {
        let folded = [0, -1, 1, -2, i64::MAX, i64::MIN].map(zigzag);
        assert_eq!(folded, [0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
    }

    #[test]
    fn differences_are_as_in_the_formats_example() {
        let mut out = Vec::new();
        push_deltas(&mut out, &[7, 5, 3, 1, 2, 3, 4, 5], Widths::Fewest);
        // 128 in a block, 4 parts, 8 numbers, the first is 7; the least difference is -2, and 2 bits hold the others.
        let head = [0x80, 0x01, 4, 8, 14, 3, 2, 0, 0, 0];
        assert_eq!(out.get(..10), Some(&head[..]));
        // 0 0 0 3 3 3 3, the lowest bits first.
        assert_eq!(
            out.get(10..),
            Some(&[0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0][..])
        );
    }

    #[test]
    fn differences_may_stand_in_whole_bytes() {
        let mut out = Vec::new();
        push_deltas(&mut out, &[7, 5, 3, 1, 2, 3, 4, 5], Widths::WholeBytes);
        let head = [0x80, 0x01, 4, 8, 14, 3, 8, 0, 0, 0];
        assert_eq!(out.get(..10), Some(&head[..]));
        let differences = [0, 0, 0, 3, 3, 3, 3];
        assert_eq!(out.get(10..17), Some(&differences[..]));
        // 300 needs nine bits: two bytes.
        let mut wide = Vec::new();
        push_deltas(&mut wide, &[0, 0, 300], Widths::WholeBytes);
        assert_eq!(wide.get(5..10), Some(&[0, 16, 0, 0, 0][..]));
        assert_eq!(wide.get(10..14), Some(&[0, 0, 44, 1][..]));
    }
}
