//! Reads along an HTTP/2 connection and says what its control frames cost (RFC 9113 §4.1, §6, §10.5).
//!
//! Only the 9-byte frame headers are looked at. DATA and HEADERS that carry something are free: flow control, the limit of
//! streams and the reset limits of the HTTP/2 stack bound them. All other frames make us work without asking for anything.
//!
//! Requests and data also *earn* control frames: gRPC's C core announces two window updates with each small request and one
//! with each message it expects, so a fixed rate would throw out an honest client at a few hundred calls a second.

/// What every HTTP/2 client sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Control frames a request and a piece of data earn.
const REQUEST_EARNS: u64 = 4;
const DATA_EARNS: u64 = 2;

const HEADER_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const END_STREAM: u8 = 1;

/// What some frames cost and earn, in control frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Toll {
    pub cost: u64,
    pub earned: u64,
}

/// Where in the stream of frames we are.
#[derive(Debug)]
pub struct FrameMeter {
    preface_seen: usize,
    header: [u8; HEADER_BYTES],
    header_seen: usize,
    payload_left: usize,
}

impl Default for FrameMeter {
    fn default() -> Self {
        Self { preface_seen: 0, header: [0; HEADER_BYTES], header_seen: 0, payload_left: 0 }
    }
}

impl FrameMeter {
    /// Whether the whole preface has come. Its content is the HTTP/2 stack's to check.
    pub fn preface_done(&self) -> bool {
        self.preface_seen >= PREFACE.len()
    }

    /// Reads on, in pieces of any size. Returns the toll of the frames whose headers end here.
    pub fn read(&mut self, mut bytes: &[u8]) -> Toll {
        let mut toll = Toll::default();
        let preface = bytes.len().min(PREFACE.len().saturating_sub(self.preface_seen));
        self.preface_seen += preface;
        bytes = bytes.get(preface..).unwrap_or_default();
        while !bytes.is_empty() {
            let skipped = bytes.len().min(self.payload_left);
            self.payload_left -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            for (slot, byte) in self.header.iter_mut().skip(self.header_seen).zip(bytes) {
                *slot = *byte;
            }
            let taken = bytes.len().min(HEADER_BYTES - self.header_seen);
            self.header_seen += taken;
            bytes = bytes.get(taken..).unwrap_or_default();
            if self.header_seen == HEADER_BYTES {
                self.header_seen = 0;
                let frame = self.begin_frame();
                toll.cost = toll.cost.saturating_add(frame.cost);
                toll.earned = toll.earned.saturating_add(frame.earned);
            }
        }
        toll
    }

    fn begin_frame(&mut self) -> Toll {
        let [high, middle, low, kind, flags, ..] = self.header;
        let length = u32::from_be_bytes([0, high, middle, low]);
        self.payload_left = usize::try_from(length).unwrap_or(usize::MAX);
        match kind {
            HEADERS => Toll { cost: 0, earned: REQUEST_EARNS },
            DATA if length > 0 => Toll { cost: 0, earned: DATA_EARNS },
            // An empty DATA frame that ends nothing only makes us work.
            DATA if flags & END_STREAM != 0 => Toll::default(),
            // A cancelled request returns what it earned: otherwise rapid resets would pay for floods.
            RST_STREAM => Toll { cost: REQUEST_EARNS + 1, earned: 0 },
            // A large control frame (SETTINGS of 16 KB hold 2,730 changes) costs as many small ones.
            _ => Toll { cost: 1 + u64::from(length) / 64, earned: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PING: u8 = 6;
    const SETTINGS: u8 = 4;
    const WINDOW_UPDATE: u8 = 8;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let mut bytes = u32::try_from(length).expect("short").to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags, 0, 0, 0, 1]);
        bytes.resize(HEADER_BYTES + length, 0xAA);
        bytes
    }

    fn connection(frames: &[Vec<u8>]) -> Vec<u8> {
        [PREFACE.to_vec(), frames.concat()].concat()
    }

    #[test]
    fn frames_that_ask_for_nothing_cost_and_frames_that_carry_something_do_not() {
        let check = |name: &str, frame: Vec<u8>, cost: u64, earned: u64| {
            assert_eq!(FrameMeter::default().read(&connection(&[frame])), Toll { cost, earned }, "{name}");
        };
        check("headers", frame(HEADERS, 4, 100), 0, 4);
        check("data", frame(DATA, 0, 5), 0, 2);
        check("empty data that ends its stream", frame(DATA, END_STREAM, 0), 0, 0);
        check("empty data", frame(DATA, 0, 0), 1, 0);
        check("ping", frame(PING, 0, 8), 1, 0);
        check("window update", frame(WINDOW_UPDATE, 0, 4), 1, 0);
        check("reset", frame(RST_STREAM, 0, 4), 5, 0);
        check("settings", frame(SETTINGS, 0, 6), 1, 0);
        check("a large settings frame", frame(SETTINGS, 0, 16_380), 256, 0);
        check("a frame of no known kind", frame(0xEE, 0, 640), 11, 0);
    }

    proptest! {
        #[test]
        fn the_cost_does_not_depend_on_how_the_bytes_are_cut(
            frames in prop::collection::vec((0_u8..12, any::<u8>(), 0_usize..200), 0..20),
            cuts in prop::collection::vec(1_usize..40, 1..10),
        ) {
            let frames: Vec<_> = frames.into_iter().map(|(kind, flags, length)| frame(kind, flags, length)).collect();
            let bytes = connection(&frames);
            let whole = FrameMeter::default().read(&bytes);
            let (mut meter, mut rest, mut pieces) = (FrameMeter::default(), bytes.as_slice(), Toll::default());
            for cut in cuts.iter().cycle() {
                let (piece, tail) = rest.split_at((*cut).min(rest.len()));
                let toll = meter.read(piece);
                pieces = Toll { cost: pieces.cost + toll.cost, earned: pieces.earned + toll.earned };
                rest = tail;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(pieces, whole);
        }

        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            FrameMeter::default().read(&bytes);
        }
    }
}
