//! Opens a file or standard input, once or for as long as it grows.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a followed file is left alone before it is looked at again.
const FOLLOW_PAUSE: Duration = Duration::from_millis(200);

/// An input whose end is not its end: at the end of what is there it waits for more, until it is told to stop.
#[derive(Debug)]
pub struct Followed {
    file: File,
    stop: Arc<AtomicBool>,
}

impl Read for Followed {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let read = self.file.read(into)?;
            if read > 0 || self.stop.load(Ordering::Relaxed) {
                return Ok(read);
            }
            std::thread::sleep(FOLLOW_PAUSE);
        }
    }
}

/// Opens `path`, or standard input for `-`. With `follow`, a file is read on as it grows until `follow` is set.
pub fn open(path: &Path, follow: Option<Arc<AtomicBool>>) -> std::io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a folder"));
    }
    Ok(match follow {
        Some(stop) => Box::new(Followed { file, stop }),
        None => Box::new(file),
    })
}
