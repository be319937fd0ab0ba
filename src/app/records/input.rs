//! Opens a file or standard input.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// The first two bytes of a gzip file (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// Opens `path`, or standard input for `-`.
pub fn open(path: &Path) -> std::io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a folder"));
    }
    Ok(Box::new(file))
}

/// The same text, unpacked where it is packed with gzip.
pub fn unpacked<'a>(mut packed: impl Read + Send + 'a) -> std::io::Result<Box<dyn Read + Send + 'a>> {
    let mut beginning = Vec::with_capacity(GZIP.len());
    packed.by_ref().take(2).read_to_end(&mut beginning)?;
    let is_gzip = beginning == GZIP;
    let whole = Cursor::new(beginning).chain(packed);
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_what_is_not_is_left_alone() {
        let check = |bytes: &[u8], expected: &[u8]| {
            let mut read = Vec::new();
            unpacked(bytes).expect("memory").read_to_end(&mut read).expect("whole");
            assert_eq!(read, expected);
        };
        check(b"", b"");
        check(b"a", b"a");
        check(b"ts,pan\n1,2\n", b"ts,pan\n1,2\n");
        let pack = |text: &[u8]| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(text).expect("memory");
            packer.finish().expect("memory")
        };
        check(&pack(b"ts,pan\n"), b"ts,pan\n");
        // Files of several members, as parallel packers and log rotation write them.
        check(&[pack(b"ts,"), pack(b"pan\n")].concat(), b"ts,pan\n");
    }
}
