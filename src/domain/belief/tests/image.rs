//! Images of belief: what was taken and loaded answers the same, and no bytes crash.

use proptest::prelude::*;
use rand::SeedableRng;

use super::{Content, NOW, Spoken, apply, belief, commitment, entries, observe, pseudonym, said, spoken, states};
use crate::base::limits;
use crate::base::position::TreeSize;
use crate::base::time::Day;
use crate::domain::belief::image::{Image, Moved};
use crate::domain::belief::load::{ImageError, Loader};
use crate::domain::belief::place::TableKey;
use crate::domain::belief::record::State;
use crate::domain::belief::said::Effect;
use crate::domain::belief::{Belief, Held, Witnessing};

fn pieces(belief: &Belief) -> Vec<Vec<u8>> {
    let mut image = Image::of(belief);
    let mut pieces = Vec::new();
    while let Some(piece) = image.next_piece().expect("nothing moves") {
        pieces.push(piece);
    }
    assert!(image.is_whole());
    pieces
}

/// Under another key than the image was taken from.
fn load<'a>(pieces: impl IntoIterator<Item = &'a Vec<u8>>, expected: usize) -> Result<Belief, ImageError> {
    let key = TableKey::draw(&mut rand_chacha::ChaCha12Rng::seed_from_u64(8));
    let mut loader = Loader::new(key, Witnessing::NotNeeded, expected);
    for piece in pieces {
        loader.take(piece)?;
    }
    loader.finish()
}

fn say_all(belief: &Belief, entries: &[Spoken]) {
    for entry in entries {
        apply(belief, entry);
    }
}

fn reloaded(belief: &Belief) -> Belief {
    load(&pieces(belief), 0).expect("an image")
}

#[test]
fn thousands_of_records_of_every_length_are_found_again_and_the_belief_goes_on() {
    let belief = belief();
    for number in 0..6_000 {
        said(&belief, "bank-a", number, Content::Indicator(number, 1 + usize::try_from(number % 16).expect("small")));
        // Two statements about one pseudonym form a chain.
        let mut other = spoken("bank-b", number, Content::Indicator(number, 1));
        other.commitment = commitment(50_000 + number);
        apply(&belief, &other);
    }
    let held = belief.held();
    for expected in [0, 12_000] {
        let loaded = load(&pieces(&belief), expected).expect("an image");
        assert_eq!(loaded.held(), held);
        for number in 0..6_000 {
            assert_eq!(states(&loaded, number), [State::Live; 2], "{number}");
        }
        assert_eq!(said(&loaded, "bank-a", 0, Content::Indicator(0, 1)), Effect::Known);
        assert_eq!(said(&loaded, "bank-a", 8_000, Content::Retraction(7)), Effect::Retracted);
        assert_eq!(said(&loaded, "bank-a", 8_001, Content::Erasure(8)), Effect::Erased);
        assert_eq!(said(&loaded, "bank-a", 8_002, Content::Indicator(6_001, 1)), Effect::Believed);
        assert_eq!((states(&loaded, 6_001), states(&loaded, 8)), (vec![State::Live], vec![State::Live]));
        loaded.writer().expire(Day(NOW.day().0 + 31));
        assert_eq!(loaded.held(), Held::default());
    }
}

#[test]
fn what_an_image_holds_of_a_retraction_an_erasure_and_a_quarantine_counts_after_loading() {
    let before = belief();
    said(&before, "bank-a", 0, Content::Retraction(1));
    said(&before, "bank-a", 1, Content::Erasure(2));
    before.writer().set_quarantined(&"bank-b".parse().expect("valid"), true);
    let loaded = reloaded(&before);
    assert_eq!(said(&loaded, "bank-a", 2, Content::Indicator(1, 1)), Effect::HeldRetracted);
    assert_eq!(said(&loaded, "bank-a", 3, Content::Indicator(2, 1)), Effect::ErasedBefore);
    assert_eq!(said(&loaded, "bank-b", 0, Content::Indicator(3, 1)), Effect::Believed);
    assert!(loaded.view().statements(&pseudonym(3))[0].quarantined);
}

#[test]
fn mentions_are_known_after_loading_and_the_room_a_member_used_up_stays_used_up() {
    let before = belief();
    let mention = |belief: &Belief, member, target| said(belief, member, 0, Content::Mention(target));
    let most = u64::try_from(limits::MENTIONS_PER_MEMBER).expect("small");
    assert!((0..most).all(|target| mention(&before, "bank-b", 10_000 + target) == Effect::Noted));
    let loaded = reloaded(&before);
    assert_eq!(mention(&loaded, "bank-b", 1), Effect::Crowded);
    assert_eq!(mention(&loaded, "bank-b", 10_000), Effect::Noted);
    assert_eq!(mention(&loaded, "bank-c", 1), Effect::Noted);
    loaded.writer().expire(Day(NOW.day().0 + limits::KEPT_DAYS + 1));
    assert_eq!(mention(&loaded, "bank-b", 1), Effect::Noted);
}

#[test]
fn what_is_witnessed_stays_so_unless_the_roster_asks_for_witnesses_only_since() {
    let key = || TableKey::draw(&mut rand_chacha::ChaCha12Rng::seed_from_u64(8));
    let provisional = |taken: &Belief, witnessing| {
        let mut loader = Loader::new(key(), witnessing, 0);
        pieces(taken).iter().for_each(|piece| loader.take(piece).expect("an image"));
        let loaded = loader.finish().expect("an image");
        [1, 2].map(|number| loaded.view().statements(&pseudonym(number))[0].provisional)
    };
    let [unneeded, needed] = [Witnessing::NotNeeded, Witnessing::Needed].map(|witnessing| {
        let belief = Belief::new(key(), witnessing);
        said(&belief, "bank-a", 0, Content::Indicator(1, 1));
        said(&belief, "bank-a", 1, Content::Indicator(2, 1));
        belief
    });
    let feed = needed.writer().feed(&super::feed_id("bank-a")).expect("known");
    needed.set_witnessed(feed, TreeSize(1));
    assert_eq!(provisional(&needed, Witnessing::Needed), [false, true]);
    assert_eq!(provisional(&needed, Witnessing::NotNeeded), [false, false]);
    assert_eq!(provisional(&unneeded, Witnessing::NotNeeded), [false, false]);
    assert_eq!(provisional(&unneeded, Witnessing::Needed), [true, true]);
}

#[test]
fn an_image_is_not_whole_once_something_left_belief() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    let mut image = Image::of(&belief);
    image.next_piece().expect("nothing moved").expect("the parties");
    said(&belief, "bank-a", 1, Content::Indicator(2, 1));
    assert!(image.is_whole(), "what comes in spoils nothing");
    said(&belief, "bank-a", 2, Content::Erasure(1));
    assert!(!image.is_whole());
    assert_eq!(image.next_piece(), Err(Moved));
}

#[test]
fn who_speaks_first_while_the_image_is_taken_is_left_to_the_journal() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    let mut image = Image::of(&belief);
    said(&belief, "bank-b", 0, Content::Indicator(2, 1));
    said(&belief, "bank-b", 1, Content::Retraction(9));
    said(&belief, "bank-b", 2, Content::Erasure(8));
    let mut pieces = Vec::new();
    while let Some(piece) = image.next_piece().expect("nothing moved") {
        pieces.push(piece);
    }
    let loaded = load(&pieces, 0).expect("an image");
    assert_eq!((states(&loaded, 1), states(&loaded, 2)), (vec![State::Live], vec![]));
}

#[test]
fn pieces_that_no_image_has_are_refused() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    said(&belief, "bank-a", 1, Content::Retraction(1));
    let whole = pieces(&belief);
    let check = |pieces: &[&[u8]], expected: ImageError| {
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        assert_eq!(load(&pieces, 0).map(|belief| belief.held()), Err(expected));
    };
    let (parties, records, retractions) = (&whole[0][..], &whole[1][..], &whole[2][..]);

    let changed = |piece: &[u8], at: usize, byte: u8| {
        let mut piece = piece.to_vec();
        piece[at] = byte;
        piece
    };
    check(&[], ImageError::Order);
    check(&[records], ImageError::Order);
    check(&[parties, parties], ImageError::Order);
    check(&[parties, &[8]], ImageError::Kind { got: 8 });
    check(&[parties, &[]], ImageError::Torn);
    check(&[&parties[..parties.len() - 1]], ImageError::Torn);
    check(&[&[parties, &[0]].concat()], ImageError::Torn);
    check(&[parties, &records[..records.len() - 1]], ImageError::Torn);
    check(&[parties, &changed(records, 1, 17)], ImageError::Blocks { got: 17, limit: 16 });
    check(
        &[parties, &[records, &records[2..].repeat(4_096)].concat()],
        ImageError::Records { got: 4_097, limit: 4_096 },
    );
    // The link word: next (28 bits), lane (16), kind (4), state (2), expires (14).
    let link = 2 + 8 * 8;
    let lane = changed(records, link + 4, records[link + 4] | 0x0f);
    assert!(matches!(load(&[parties.to_vec(), lane], 0), Err(ImageError::Unknown { what: "lane", count: 1, .. })));
    let vacant = changed(records, link + 6, records[link + 6] & 0x3f);
    check(&[parties, &vacant], ImageError::Vacant);
    check(&[parties, &changed(retractions, 1 + 32, 1)], ImageError::Unknown { what: "feed", got: 256, count: 1 });
    check(&[parties, &changed(retractions, 1 + 32 + 2 + 8, 99)], ImageError::Reason { got: 99 });
    let erasure = [&[4][..], &[7; 32], &[0, 1], &[0; 4]].concat();
    check(&[parties, &erasure], ImageError::Unknown { what: "member", got: 1, count: 1 });
    let mention = [&[5][..], &[7; 32], &[0, 1], &[0; 12]].concat();
    check(&[parties, &mention], ImageError::Unknown { what: "member", got: 1, count: 1 });
    check(&[parties, &mention[..mention.len() - 1]], ImageError::Torn);
    let dispute = |feed: u8, reason: u8| [&[6][..], &[7; 32], &[0, feed], &[0; 8], &[1, reason], &[0; 12]].concat();
    check(&[parties, &dispute(1, 1)], ImageError::Unknown { what: "feed", got: 1, count: 1 });
    check(&[parties, &dispute(0, 99)], ImageError::Reason { got: 99 });
    check(&[parties, &dispute(0, 1)[..50]], ImageError::Torn);
    let answer = [&[7][..], &[7; 32], &[0, 1], &[0; 4], &[1, b'a']].concat();
    check(&[parties, &answer], ImageError::Unknown { what: "member", got: 1, count: 1 });
    check(&[parties, &[&[7][..], &[7; 32], &[0, 0], &[0; 4], &[9, b'a']].concat()], ImageError::Torn);
}

fn observed(belief: &Belief) -> super::Observed {
    let mut observed = observe(belief);
    observed.2.retain(|(_, held)| *held != Held::default());
    observed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_image_and_what_was_said_since_it_was_begun_answer_like_the_belief_itself(
        (entries, cut, taken) in entries().prop_flat_map(|entries| {
            let count = entries.len();
            (Just(entries), 0..=count, 0..=count)
        })
    ) {
        let (cut, taken) = (cut.min(taken), cut.max(taken));
        let (straight, imaged) = (belief(), belief());
        say_all(&straight, &entries);
        say_all(&imaged, &entries[..taken]);
        let loaded = reloaded(&imaged);
        prop_assert_eq!(observed(&loaded), observed(&imaged));
        // Everything since the cut comes once more, whether the image had it or not.
        say_all(&loaded, &entries[cut..]);
        prop_assert_eq!(observed(&loaded), observed(&straight));
    }

    #[test]
    fn any_pieces_load_or_are_refused_and_never_crash(
        entries in entries(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..6),
        extra in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..3),
    ) {
        let taken = belief();
        say_all(&taken, &entries);
        let mut pieces = pieces(&taken);
        for (piece, at, byte) in changes {
            let piece = piece.get_mut(&mut pieces);
            let at = at.index(piece.len());
            piece[at] = byte;
        }
        pieces.extend(extra);
        if let Ok(loaded) = load(&pieces, 0) {
            say_all(&loaded, &entries);
            observe(&loaded);
            loaded.writer().expire(Day(u32::MAX));
        }
    }
}
