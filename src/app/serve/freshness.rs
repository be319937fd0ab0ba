//! Keeping the freshness in answers true, whatever becomes of the engine: a feed nobody pulls any more must grow stale.

use std::time::Duration;

use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::screening::freshness::{FeedSigned, Freshness};
use crate::io::clock;
use crate::io::engine::Engine;
use crate::node::store::{Journal, Views};

/// How often the freshness shown in answers is brought up to date.
const FRESHNESS_EVERY: Duration = Duration::from_secs(1);

/// The freshness of what was heard.
pub fn assess(feeds: &[FeedSigned], own: &MemberId, now: Timestamp) -> Freshness {
    Freshness::assess(feeds, own, false, now)
}

/// Assesses again and again until it is dropped, beginning with what was `heard` at the start. Where the engine is busy, stuck or
/// gone, what was last heard is held against the clock.
pub async fn refresh<J, V>(
    engine: Engine<J, V>,
    limit_s: Option<u64>,
    mut heard: Vec<FeedSigned>,
    mut show: impl FnMut(Freshness),
) where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let mut every = tokio::time::interval(FRESHNESS_EVERY);
    loop {
        every.tick().await;
        let longest = Duration::from_millis(limits::ENGINE_STUCK_MS);
        if let Ok(feeds) = engine.inquire_within(longest, move |node, now| node.freshness(limit_s, now)).await {
            heard = feeds;
        }
        show(assess(&heard, engine.member(), clock::now()));
    }
}
