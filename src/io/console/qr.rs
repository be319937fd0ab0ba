//! A text as a QR code (ISO/IEC 18004), so that a telephone takes an authenticator's secret in without typing. Bytes at the lowest
//! level of correction, which a screen does not need higher; up to version 16, which holds 586 bytes. A test of the console in a
//! browser reads one with a decoder that others wrote.

pub mod codewords;

use zeroize::Zeroize;

use crate::io::console::chart::svg::Svg;
use crate::io::console::qr::codewords::{VERSIONS, capacity, data, interleaved};

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

#[cfg(test)]
mod tests {
    use super::*;

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
