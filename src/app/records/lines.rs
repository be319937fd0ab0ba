//! Lines of bounded length, with their numbers, wiped after use.

use std::io::Read;

use zeroize::Zeroizing;

/// Bytes of one record: the longest identifier, a note and every other field fit a hundred times over.
pub const RECORD_BYTES: usize = 64 * 1024;

const CHUNK_BYTES: usize = 64 * 1024;

/// Why a line is no text of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineRule {
    #[error("a record may have {RECORD_BYTES} bytes; this line is longer")]
    TooLong,
    #[error("text must be UTF-8; byte {byte} of the line is not")]
    NotUtf8 { byte: usize },
    #[error("text may not hold NUL; byte {byte} of the line is one (is the file UTF-16?)")]
    Nul { byte: usize },
}

/// One line without its end.
pub struct Line {
    /// One-based.
    pub number: u64,
    pub text: Result<Zeroizing<String>, LineRule>,
}

/// Reads lines ended by LF or CR LF; the last may lack its end.
pub struct Lines<R> {
    input: R,
    chunk: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
    number: u64,
    /// Bytes of the lines given out, their ends included.
    offset: u64,
    /// A line that was looked at and given back.
    returned: Option<Line>,
}

impl<R> std::fmt::Debug for Lines<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lines(at line {})", self.number)
    }
}

impl<R: Read> Lines<R> {
    pub fn new(input: R) -> Self {
        Self::from(input, 0, 0)
    }

    /// Of an input of which so many bytes and lines were read before.
    pub fn from(input: R, offset: u64, number: u64) -> Self {
        let chunk = Zeroizing::new(vec![0; CHUNK_BYTES]);
        Self { input, chunk, start: 0, end: 0, number, offset, returned: None }
    }

    /// Bytes and lines given out so far.
    pub fn position(&self) -> (u64, u64) {
        (self.offset, self.number)
    }

    /// Gives back the line that was given out last.
    pub fn give_back(&mut self, line: Line) {
        self.returned = Some(line);
    }

    /// The first bytes of the input, at most `count`, without consuming them; for recognising formats.
    pub fn peek(&mut self, count: usize) -> std::io::Result<&[u8]> {
        debug_assert!(self.number == 0 && self.start == 0, "peeking is for the beginning");
        while self.end < count.min(CHUNK_BYTES) {
            let read = read_some(&mut self.input, &mut self.chunk[self.end..])?;
            if read == 0 {
                break;
            }
            self.end += read;
        }
        Ok(&self.chunk[..self.end.min(count)])
    }

    /// Drops `count` bytes that [`Self::peek`] showed.
    pub fn skip(&mut self, count: usize) {
        let skipped = count.min(self.end - self.start);
        self.start += skipped;
        self.offset += wide(skipped);
    }

    /// The next line; none at the end. A line that is too long is skipped to its end.
    pub fn next_line(&mut self) -> std::io::Result<Option<Line>> {
        if let Some(line) = self.returned.take() {
            return Ok(Some(line));
        }
        let mut bytes = Zeroizing::new(Vec::new());
        let mut taken = 0;
        let mut too_long = false;
        let mut any = false;
        loop {
            if self.start == self.end {
                self.start = 0;
                self.end = read_some(&mut self.input, &mut self.chunk)?;
                if self.end == 0 {
                    break;
                }
            }
            any = true;
            let waiting = &self.chunk[self.start..self.end];
            let newline = waiting.iter().position(|byte| *byte == b'\n');
            let part = &waiting[..newline.unwrap_or(waiting.len())];
            too_long |= bytes.len() + part.len() > RECORD_BYTES;
            if !too_long {
                append_wiping(&mut bytes, part);
            }
            let used = part.len() + usize::from(newline.is_some());
            self.start += used;
            taken += wide(used);
            if newline.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        self.offset += taken;
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let text = if too_long { Err(LineRule::TooLong) } else { as_text(&bytes) };
        Ok(Some(Line { number: self.number, text }))
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({})", self.number)
    }
}

fn as_text(bytes: &[u8]) -> Result<Zeroizing<String>, LineRule> {
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(LineRule::Nul { byte: at + 1 });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => Err(LineRule::NotUtf8 { byte: error.valid_up_to() + 1 }),
    }
}

/// Grows through a copy that is wiped, where plain growth would leave the old buffer behind.
fn append_wiping(bytes: &mut Zeroizing<Vec<u8>>, part: &[u8]) {
    if bytes.capacity() < bytes.len() + part.len() {
        let mut grown = Zeroizing::new(Vec::with_capacity((bytes.len() + part.len()).next_power_of_two()));
        grown.extend_from_slice(bytes);
        *bytes = grown;
    }
    bytes.extend_from_slice(part);
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn read_some(input: &mut impl Read, into: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match input.read(into) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expected: &[Result<&str, LineRule>]) {
        let mut lines = Lines::new(input);
        let mut got = Vec::new();
        while let Some(line) = lines.next_line().expect("memory does not fail") {
            assert_eq!(line.number, u64::try_from(got.len()).expect("few") + 1);
            got.push(line.text.map(|text| text.to_string()));
        }
        let expected: Vec<_> = expected.iter().map(|line| line.map(str::to_owned)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn lines_end_with_lf_or_cr_lf_and_the_last_may_lack_its_end() {
        check(b"", &[]);
        check(b"a", &[Ok("a")]);
        check(b"a\r\n\nb\n", &[Ok("a"), Ok(""), Ok("b")]);
    }

    #[test]
    fn the_position_counts_bytes_and_lines_given_out_whatever_was_read_ahead() {
        let mut lines = Lines::from(&b"one\r\ntwo\n\xff\nlast"[..], 100, 7);
        let mut positions = Vec::new();
        while lines.next_line().expect("memory does not fail").is_some() {
            positions.push(lines.position());
        }
        assert_eq!(positions, [(105, 8), (109, 9), (111, 10), (115, 11)]);
    }

    #[test]
    fn a_line_that_is_no_text_is_refused_and_the_next_one_read() {
        check(b"a\0b\nok", &[Err(LineRule::Nul { byte: 2 }), Ok("ok")]);
        check(b"ab\xff\nok", &[Err(LineRule::NotUtf8 { byte: 3 }), Ok("ok")]);
        let mut huge = vec![b'x'; 5 * RECORD_BYTES];
        huge.extend_from_slice(b"\nok");
        check(&huge, &[Err(LineRule::TooLong), Ok("ok")]);
        let mut largest = vec![b'x'; RECORD_BYTES];
        let text = "x".repeat(RECORD_BYTES);
        check(&largest, &[Ok(&text)]);
        largest.push(b'x');
        check(&largest, &[Err(LineRule::TooLong)]);
    }
}
