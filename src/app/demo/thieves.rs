//! What a thief of disks, a listener on the wire and a malicious member get out of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use regex::bytes::RegexSet;

use crate::app::demo::founding::Cast;
use crate::app::demo::generator::Flag;
use crate::app::outcome::CliError;
use crate::base::epoch::KeyEpoch;
use crate::base::kind::IdentifierKind;
use crate::base::secret::SecretBytes;
use crate::domain::identifier::{CanonRules, RawIdentifier, canonicalise};
use crate::domain::pseudonym::keys::{EpochKeys, EpochSecret};
use crate::io::random;

/// Card numbers of one issuer of six digits: nine free digits, the last digit follows from the others.
pub const NUMBERS_PER_ISSUER: u64 = 1_000_000_000;

/// Pseudonyms made to measure how fast guessing goes.
const GUESSES: u32 = 300_000;

/// What the search found.
#[derive(Debug, Default)]
pub struct Loot {
    pub values: u64,
    /// Found in the file of the desk that published them: what the search can find.
    pub desk_found: u64,
    pub disk_bytes: u64,
    pub disk_found: u64,
    pub wire_bytes: u64,
    pub wire_found: u64,
}

/// Searches every file of every node and everything the tap recorded for the published values.
pub fn search(cast: &Cast, flags: &[Flag]) -> Result<Loot, CliError> {
    let needles = Needles::of(flags)?;
    let mut loot = Loot { values: u64::try_from(flags.len()).unwrap_or(u64::MAX), ..Loot::default() };
    for member in &cast.members {
        let mut files = Vec::new();
        collect(&member.dir, &mut files)?;
        for file in files {
            // A file that went while we looked (a rotated segment) is none the thief has.
            let Ok(bytes) = std::fs::read(&file) else { continue };
            loot.disk_bytes += u64::try_from(bytes.len()).unwrap_or(0);
            loot.disk_found += needles.found_in(&bytes);
        }
    }
    let desk_file = cast.desk_file();
    let desk =
        std::fs::read(&desk_file).map_err(|error| CliError::failed(format!("{}: {error}", desk_file.display())))?;
    loot.desk_found = needles.found_in(&desk);
    let heard = cast.tap.heard();
    loot.wire_bytes = u64::try_from(heard.len()).unwrap_or(0);
    loot.wire_found = needles.found_in(&heard);
    Ok(loot)
}

fn collect(dir: &Path, files: &mut Vec<std::path::PathBuf>) -> Result<(), CliError> {
    let failed = |error: std::io::Error| CliError::failed(format!("{}: {error}", dir.display()));
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// The forms a value could be found in, searched all at once.
struct Needles(Vec<RegexSet>);

impl Needles {
    /// As text in either case, as hexadecimal, and as base64 in its three alignments.
    fn of(flags: &[Flag]) -> Result<Self, CliError> {
        let mut forms = BTreeSet::new();
        for flag in flags {
            forms.insert(format!("(?i-u){}", regex::escape(&flag.value)));
            forms.insert(format!("(?i-u){}", hex::encode(&flag.value)));
            for skip in 0..3 {
                let shifted = [vec![0; skip], flag.value.as_bytes().to_vec()].concat();
                let encoded = BASE64.encode(shifted);
                // The first and last characters depend on neighbours.
                let inner = encoded.get(4..encoded.len().saturating_sub(4)).unwrap_or_default();
                if inner.len() >= 8 {
                    forms.insert(regex::escape(inner));
                }
            }
        }
        let forms: Vec<String> = forms.into_iter().collect();
        let sets = forms.chunks(500).map(|chunk| regex::bytes::RegexSetBuilder::new(chunk).size_limit(1 << 30).build());
        let sets = sets.collect::<Result<_, _>>();
        sets.map(Self).map_err(|error| CliError::failed(format!("the search cannot be made: {error}")))
    }

    fn found_in(&self, bytes: &[u8]) -> u64 {
        let found = self.0.iter().map(|set| set.matches(bytes).iter().count()).sum::<usize>();
        u64::try_from(found).unwrap_or(u64::MAX)
    }
}

/// How many card numbers a second one core tries where it has the epoch's key, as every member does.
pub fn guesses_per_s() -> u64 {
    let consortium = "demo.hushwire.example".parse().expect("a valid name");
    let secret = EpochSecret::new(SecretBytes::new(random::bytes()));
    let keys = EpochKeys::derive(&consortium, KeyEpoch(1), &secret);
    let guess = RawIdentifier::new(IdentifierKind::Pan, "4539578763621486".to_owned());
    let Ok(canonical) = canonicalise(&guess, &CanonRules::default()) else { return 0 };
    let Some(card) = canonical.first() else { return 0 };
    let since = Instant::now();
    for _ in 0..GUESSES {
        std::hint::black_box(keys.pseudonym(std::hint::black_box(card)));
    }
    let micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    u64::from(GUESSES) * 1_000_000 / micros
}
