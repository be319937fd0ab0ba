//! A text as a QR code (ISO/IEC 18004), so that a telephone takes an authenticator's secret in without typing. Bytes at the lowest
//! level of correction, which a screen does not need higher; up to version 16, which holds 586 bytes. A test of the console in a
//! browser reads one with a decoder that others wrote.

use zeroize::{Zeroize, Zeroizing};

use crate::io::console::chart::svg::Svg;

/// Versions that are made: sizes from 21 to 81 modules.
const VERSIONS: usize = 16;

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

/// A square of dark and light modules. Holds what it shows, so it is wiped and not shown in `Debug`.
pub struct Qr {
    version: usize,
    size: usize,
    dark: Vec<bool>,
    /// Modules that belong to the pattern and hold no text.
    fixed: Vec<bool>,
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Qr({} modules)", self.size)
    }
}

impl Drop for Qr {
    fn drop(&mut self) {
        self.dark.zeroize();
    }
}

/// More bytes than a code holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code holds at most {limit} bytes")]
pub struct TooLong {
    pub limit: usize,
}

/// Modules of a version that hold codewords or are left over.
fn raw_modules(version: usize) -> usize {
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
fn capacity(version: usize) -> usize {
    let (length, blocks) = correction(version);
    let bits = (raw_modules(version) / 8 - length * blocks) * 8 - 4 - length_bits(version);
    bits / 8
}

fn length_bits(version: usize) -> usize {
    if version < 10 { 8 } else { 16 }
}

impl Qr {
    /// The smallest code of a text.
    pub fn encode(text: &[u8]) -> Result<Self, TooLong> {
        let too_long = TooLong { limit: capacity(VERSIONS) };
        let version = (1..=VERSIONS).find(|version| text.len() <= capacity(*version)).ok_or(too_long)?;
        let codewords = interleaved(version, &data(version, text));
        let best = (0..8).map(|mask| {
            let mut code = Self::blank(version);
            code.place(&codewords);
            code.mask(mask);
            code.format(mask);
            code
        });
        Ok(best.min_by_key(Self::penalty).expect("eight masks"))
    }

    /// As a drawing: each row's dark runs are one path. Black on white in every theme, with the margin readers ask for.
    pub fn svg(&self, title: &str) -> Svg {
        let mut runs = Vec::new();
        for y in 0..self.size {
            let mut x = 0;
            while x < self.size {
                let length = (x..self.size).take_while(|x| self.at(*x, y)).count();
                if length > 0 {
                    runs.push((x, y, length));
                }
                x += length.max(1);
            }
        }
        Svg::modules(title, self.size, &runs)
    }

    fn at(&self, x: usize, y: usize) -> bool {
        self.dark[y * self.size + x]
    }

    fn fix(&mut self, x: usize, y: usize, dark: bool) {
        self.dark[y * self.size + x] = dark;
        self.fixed[y * self.size + x] = true;
    }

    /// Finders, timing, alignment and version, without a text.
    fn blank(version: usize) -> Self {
        let size = version * 4 + 17;
        let mut code = Self { version, size, dark: vec![false; size * size], fixed: vec![false; size * size] };
        for place in 0..size {
            code.fix(6, place, place.is_multiple_of(2));
            code.fix(place, 6, place.is_multiple_of(2));
        }
        for (x, y) in [(3, 3), (size - 4, 3), (3, size - 4)] {
            code.finder(x, y);
        }
        let places = code.alignments();
        let last = places.len().saturating_sub(1);
        for (i, x) in places.iter().enumerate() {
            for (j, y) in places.iter().enumerate() {
                // Where the finders stand there is none.
                if ![(0, 0), (0, last), (last, 0)].contains(&(i, j)) {
                    code.alignment(*x, *y);
                }
            }
        }
        code.format(0);
        if version >= 7 {
            code.version_bits();
        }
        code
    }

    fn finder(&mut self, x: usize, y: usize) {
        for dy in 0..9 {
            for dx in 0..9 {
                let (px, py) = ((x + dx).checked_sub(4), (y + dy).checked_sub(4));
                let ring = dx.abs_diff(4).max(dy.abs_diff(4));
                if let (Some(px), Some(py)) = (px.filter(|px| *px < self.size), py.filter(|py| *py < self.size)) {
                    self.fix(px, py, ring != 2 && ring != 4);
                }
            }
        }
    }

    fn alignments(&self) -> Vec<usize> {
        if self.version == 1 {
            return Vec::new();
        }
        let count = self.version / 7 + 2;
        let step = (self.version * 8 + count * 3 + 5) / (count * 4 - 4) * 2;
        let later = (0..count - 1).rev().map(|back| self.size - 7 - back * step);
        std::iter::once(6).chain(later).collect()
    }

    fn alignment(&mut self, x: usize, y: usize) {
        for dy in 0..5 {
            for dx in 0..5_usize {
                self.fix(x + dx - 2, y + dy - 2, dx.abs_diff(2).max(usize::abs_diff(dy, 2)) != 1);
            }
        }
    }

    /// Level and mask, twice, under a code of their own.
    fn format(&mut self, mask: u32) {
        let data = (1 << 3) | mask;
        let mut rest = data;
        for _ in 0..10 {
            rest = (rest << 1) ^ ((rest >> 9) * 0x537);
        }
        let bits = ((data << 10) | rest) ^ 0x5412;
        let bit = |place: usize| (bits >> place) & 1 == 1;
        for place in 0..6 {
            self.fix(8, place, bit(place));
        }
        self.fix(8, 7, bit(6));
        self.fix(8, 8, bit(7));
        self.fix(7, 8, bit(8));
        for place in 9..15 {
            self.fix(14 - place, 8, bit(place));
        }
        for place in 0..8 {
            self.fix(self.size - 1 - place, 8, bit(place));
        }
        for place in 8..15 {
            self.fix(8, self.size - 15 + place, bit(place));
        }
        self.fix(8, self.size - 8, true);
    }

    fn version_bits(&mut self) {
        let version = u32::try_from(self.version).expect("at most 16");
        let mut rest = version;
        for _ in 0..12 {
            rest = (rest << 1) ^ ((rest >> 11) * 0x1F25);
        }
        let bits = (version << 12) | rest;
        for place in 0..18 {
            let dark = (bits >> place) & 1 == 1;
            let (far, near) = (self.size - 11 + place % 3, place / 3);
            self.fix(far, near, dark);
            self.fix(near, far, dark);
        }
    }

    /// Codewords in two columns at a time, up and down, from the right.
    fn place(&mut self, codewords: &[u8]) {
        let mut bits = codewords.iter().flat_map(|byte| (0..8).rev().map(move |place| (byte >> place) & 1 == 1));
        let mut upward = true;
        let mut right = self.size - 1;
        loop {
            for step in 0..self.size {
                let y = if upward { self.size - 1 - step } else { step };
                for x in [right, right - 1] {
                    if !self.fixed[y * self.size + x] {
                        self.dark[y * self.size + x] = bits.next().unwrap_or_default();
                    }
                }
            }
            upward = !upward;
            // The column of timing is passed over.
            right = match right {
                8 => 5,
                right if right < 2 => return,
                right => right - 2,
            };
        }
    }

    fn mask(&mut self, mask: u32) {
        for y in 0..self.size {
            for x in 0..self.size {
                let flips = match mask {
                    0 => (x + y).is_multiple_of(2),
                    1 => y.is_multiple_of(2),
                    2 => x.is_multiple_of(3),
                    3 => (x + y).is_multiple_of(3),
                    4 => (x / 3 + y / 2).is_multiple_of(2),
                    5 => x * y % 2 + x * y % 3 == 0,
                    6 => (x * y % 2 + x * y % 3).is_multiple_of(2),
                    _ => ((x + y) % 2 + x * y % 3).is_multiple_of(2),
                };
                let place = y * self.size + x;
                self.dark[place] ^= flips && !self.fixed[place];
            }
        }
    }

    /// How hard the code is to read: long runs, blocks of one colour, and too much of one.
    fn penalty(&self) -> usize {
        let mut penalty = 0;
        for line in 0..self.size {
            penalty += runs((0..self.size).map(|x| self.at(x, line)));
            penalty += runs((0..self.size).map(|y| self.at(line, y)));
        }
        for y in 1..self.size {
            for x in 1..self.size {
                let corner = self.at(x, y);
                let same =
                    self.at(x - 1, y) == corner && self.at(x, y - 1) == corner && self.at(x - 1, y - 1) == corner;
                penalty += if same { 3 } else { 0 };
            }
        }
        let dark = self.dark.iter().filter(|dark| **dark).count();
        penalty + (dark * 20).abs_diff(self.dark.len() * 10) / self.dark.len() * 10
    }
}

/// Of one line: runs of five and more.
fn runs(line: impl Iterator<Item = bool>) -> usize {
    let (mut penalty, mut length, mut before) = (0, 0, None);
    for dark in line {
        length = if before == Some(dark) { length + 1 } else { 1 };
        before = Some(dark);
        penalty += match length {
            0..5 => 0,
            5 => 3,
            _ => 1,
        };
    }
    penalty
}

/// Mode, length, text and padding.
fn data(version: usize, text: &[u8]) -> Zeroizing<Vec<u8>> {
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
fn interleaved(version: usize, data: &[u8]) -> Zeroizing<Vec<u8>> {
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

    #[test]
    fn patterns_stand_where_they_belong() {
        let places = |version| Qr::blank(version).alignments();
        assert_eq!(
            (places(1), places(2), places(7), places(14)),
            (vec![], vec![6, 18], vec![6, 22, 38], vec![6, 26, 46, 66])
        );
        for bytes in [0, 17, 18, 154, 271, 272, 586] {
            let code = Qr::encode(&vec![b'a'; bytes]).expect("it fits");
            let corner: Vec<bool> = (0..8).map(|x| code.at(x, 0)).collect();
            assert_eq!(corner, [true, true, true, true, true, true, true, false], "{bytes}");
            assert!(code.at(8, code.size - 8), "the module that is always dark");
        }
        assert_eq!(Qr::encode(&[0; 587]).map(|_| ()), Err(TooLong { limit: 586 }));
    }
}
