//! What a QR code says, before it is drawn: text as codewords, with those that correct it (Reed and Solomon over 256 elements).

use zeroize::Zeroizing;

/// Versions that are made: sizes from 21 to 81 modules.
pub const VERSIONS: usize = 16;

/// Of level L, by version from 1: codewords that correct one block, and blocks.
const CORRECTION: [(usize, usize); VERSIONS] = [
    (7, 1),
    (10, 1),
    (15, 1),
    (20, 1),
    (26, 1),
    (18, 2),
    (20, 2),
    (24, 2),
    (30, 2),
    (18, 4),
    (20, 4),
    (24, 4),
    (26, 4),
    (30, 4),
    (22, 6),
    (24, 6),
];

/// Modules of a version that hold codewords or are left over.
pub fn raw_modules(version: usize) -> usize {
    let mut modules = (16 * version + 128) * version + 64;
    if version >= 2 {
        let alignments = version / 7 + 2;
        modules -= (25 * alignments - 10) * alignments - 55;
        if version >= 7 {
            modules -= 36;
        }
    }
    modules
}

fn correction(version: usize) -> (usize, usize) {
    CORRECTION[version - 1]
}

/// Bytes of text that a version holds.
pub fn capacity(version: usize) -> usize {
    let (length, blocks) = correction(version);
    let bits = (raw_modules(version) / 8 - length * blocks) * 8 - 4 - length_bits(version);
    bits / 8
}

fn length_bits(version: usize) -> usize {
    if version < 10 { 8 } else { 16 }
}

/// Mode, length, text and padding.
pub fn data(version: usize, text: &[u8]) -> Zeroizing<Vec<u8>> {
    let (length, blocks) = correction(version);
    let bytes = raw_modules(version) / 8 - length * blocks;
    let mut data = Zeroizing::new(Vec::with_capacity(bytes));
    let mut bits: u32 = 0b0100;
    let mut count = 4;
    let mut put = |data: &mut Vec<u8>, value: u32, width: u32| {
        for place in (0..width).rev() {
            bits = (bits << 1) | ((value >> place) & 1);
            count += 1;
            if count % 8 == 0 {
                data.push(u8::try_from(bits & 0xff).expect("eight bits"));
            }
        }
    };
    let text_length = u32::try_from(text.len()).expect("at most 586");
    put(&mut data, text_length, u32::try_from(length_bits(version)).expect("8 or 16"));
    text.iter().for_each(|byte| put(&mut data, u32::from(*byte), 8));
    // The end, which fills the last byte: four bits of mode stand in front.
    put(&mut data, 0, 4);
    let padding = [0xec, 0x11].into_iter().cycle().take(bytes - data.len());
    data.extend(padding);
    data
}

/// Blocks with what corrects them, a codeword of each in turn.
pub fn interleaved(version: usize, data: &[u8]) -> Zeroizing<Vec<u8>> {
    let (length, count) = correction(version);
    let raw = raw_modules(version) / 8;
    let short = count - raw % count;
    let divisor = divisor(length);
    let mut rest = data;
    let mut blocks = Vec::with_capacity(count);
    for number in 0..count {
        let (block, after) = rest.split_at(raw / count - length + usize::from(number >= short));
        blocks.push((block, remainder(block, &divisor)));
        rest = after;
    }
    let longest = blocks.iter().map(|(block, _)| block.len()).max().unwrap_or_default();
    let texts = (0..longest).flat_map(|place| blocks.iter().filter_map(move |(block, _)| block.get(place)));
    let checks = (0..length).flat_map(|place| blocks.iter().filter_map(move |(_, check)| check.get(place)));
    Zeroizing::new(texts.chain(checks).copied().collect())
}

/// Product in the field of 256 elements under x⁸ + x⁴ + x³ + x² + 1.
fn times(one: u8, other: u8) -> u8 {
    (0..8).rev().fold(0, |product: u8, place| {
        let doubled = (product << 1) ^ if product & 0x80 == 0 { 0 } else { 0x1d };
        doubled ^ if (other >> place) & 1 == 1 { one } else { 0 }
    })
}

/// The polynomial of Reed and Solomon with so many roots, without its leading 1.
fn divisor(degree: usize) -> Vec<u8> {
    let mut divisor = vec![0; degree];
    divisor[degree - 1] = 1;
    let mut root = 1;
    for _ in 0..degree {
        for place in 0..degree {
            divisor[place] = times(divisor[place], root) ^ divisor.get(place + 1).copied().unwrap_or_default();
        }
        root = times(root, 2);
    }
    divisor
}

fn remainder(data: &[u8], divisor: &[u8]) -> Vec<u8> {
    let mut rest = vec![0; divisor.len()];
    for byte in data {
        let factor = byte ^ rest[0];
        rest.rotate_left(1);
        if let Some(last) = rest.last_mut() {
            *last = 0;
        }
        for (place, coefficient) in rest.iter_mut().zip(divisor) {
            *place ^= times(*coefficient, factor);
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_hold_what_the_standard_says() {
        let check = |version, bytes| assert_eq!(capacity(version), bytes, "version {version}");
        check(1, 17);
        check(5, 106);
        check(7, 154);
        check(10, 271);
        check(16, 586);
    }

    #[test]
    fn correction_is_that_of_the_standard() {
        // ISO/IEC 18004, annex A: the generator of degree 7, and the worked example of annex I with one of degree 10.
        assert_eq!(divisor(7), [127, 122, 154, 164, 11, 68, 117]);
        let data = [16, 32, 12, 86, 97, 128, 236, 17, 236, 17, 236, 17, 236, 17, 236, 17];
        assert_eq!(remainder(&data, &divisor(10)), [165, 36, 212, 193, 237, 54, 199, 135, 44, 85]);
    }
}
