//! What is written is read back, to the byte; everything else is refused, and nothing panics.

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::*;
use crate::base::time::Timestamp;
use crate::domain::profile::event::{Amount, ProfileEvent, Standing};

fn encoded(profile: &Profile) -> Vec<u8> {
    let mut out = Vec::new();
    profile.encode(&mut out);
    out
}

/// Any transaction of a customer with many habits.
fn event(rng: &mut StdRng, now: Timestamp) -> ProfileEvent {
    let countries = [*b"DE", *b"FR", *b"US", *b"JP", *b"BR", *b"NG", *b"PL"];
    let words = ["5411", "5999", "groceries", "books-and-papers", "travel", "books", "toys"];
    let currencies = [*b"EUR", *b"USD", *b"JPY", *b"GBP"];
    let mut devices = Few::default();
    (0..rng.random_range(0..3)).for_each(|_| devices.push_front(DeviceMark(rng.random_range(0..20))));
    ProfileEvent {
        time: Timestamp::from_unix_s(now.unix_s() - rng.random_range(0..40) * rng.random_range(0..20_000)),
        country: rng.random_ratio(9, 10).then(|| countries[rng.random_range(0..7)]),
        devices,
        category: Category::parse(words[rng.random_range(0..7)]),
        amount: Some(Amount {
            currency: currencies[rng.random_range(0..4)],
            minor: rng.random::<u64>() >> rng.random_range(1..64),
        }),
        reference: rng.random_ratio(3, 4).then(|| ReferenceMark::new(rng.random())),
    }
}

#[test]
fn what_is_written_is_read_back_and_stays_within_the_bound() {
    let mut largest = 0;
    for seed in 0..40 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut now = Timestamp::from_unix_s(1_795_000_000);
        let mut profile = Profile::of_stranger(&event(&mut rng, now), now);
        for _ in 0..300 {
            now = now.plus_s(rng.random_range(0..30_000) >> rng.random_range(0..15));
            let standing = if rng.random_ratio(1, 5) { Standing::Stopped } else { Standing::Passed };
            profile.observe(&event(&mut rng, now), standing, now);
            let bytes = encoded(&profile);
            assert_eq!(Profile::decode(&bytes), Ok(profile));
            assert_eq!(Profile::seen_of(&bytes), Some(profile.seen));
            largest = largest.max(bytes.len());
        }
    }
    assert!(300 < largest && largest <= PROFILE_BYTES, "{largest}");
}

#[test]
fn the_largest_profile_keeps_the_bound() {
    let full = |n: u32| vec![if n == 1 { BUCKET_ORDERS } else { BUCKET_MINOR }; 9];
    let orders = full(1);
    let minor = full(2);
    let spending = |currency: Currency| {
        let mut rows = Few::default();
        // Every delta of two bytes there is room for.
        (0..31_u16).for_each(|row| assert!(rows.push((30 * row + 40, 1))));
        let amounts = Amounts::from_rows(rows).expect("ascending");
        let day = Window::from_sums(*minor.first_chunk().expect("nine"));
        Spending { currency, amounts, day, week: Window::from_sums(*minor.first_chunk().expect("nine")) }
    };
    let mut profile = Profile::of_stranger(
        &ProfileEvent::at(Timestamp::from_unix_s(u64::from(u32::MAX))),
        Timestamp::from_unix_s(u64::from(u32::MAX)),
    );
    profile.orders = u32::MAX;
    profile.counts = Counts {
        minute: Window::from_sums(*orders.first_chunk().expect("nine")),
        hour: Window::from_sums(*orders.first_chunk().expect("nine")),
        day: Window::from_sums(*orders.first_chunk().expect("nine")),
        week: Window::from_sums(*orders.first_chunk().expect("nine")),
    };
    [*b"EUR", *b"USD", *b"JPY"].iter().for_each(|code| assert!(profile.purse.0.push(spending(*code))));
    for letter in b'A'..=b'E' {
        profile.countries.learn([letter, letter]);
        let word = format!("books-and-paper{}", char::from(letter).to_ascii_lowercase());
        profile.categories.learn(Category::parse(&word).expect("a word"));
    }
    (0..8).for_each(|nth| assert!(profile.devices.push(DeviceMark(nth))));
    (0..6).for_each(|nth| assert!(profile.recent.push((ReferenceMark::new(nth), true))));
    profile.last_place = Some((*b"DE", u64::from(u32::MAX)));
    let bytes = encoded(&profile);
    assert_eq!(Profile::decode(&bytes), Ok(profile));
    assert!((760..=PROFILE_BYTES).contains(&bytes.len()), "{}", bytes.len());
}

/// Written out here as the module says, so that no change of it goes unnoticed.
#[test]
fn the_bytes_are_as_written() {
    let now = Timestamp::from_unix_s(1_795_000_000);
    let mut devices = Few::default();
    assert!(devices.push(DeviceMark(0x0102_0304_0506_0708)));
    let event = ProfileEvent {
        time: now,
        country: Some(*b"DE"),
        devices,
        category: Category::parse("5411"),
        amount: Some(Amount { currency: *b"EUR", minor: 1_299 }),
        reference: Some(ReferenceMark::new(0xaabb_ccdd)),
    };
    let mut profile = Profile::of_stranger(&event, now);
    profile.observe(&event, Standing::Passed, now);
    let windows = "01 01".repeat(4);
    let time = "c08df6d706";
    // 1299 lies in bucket 6·16 + 20, of which a window of spending says nothing.
    let text = format!(
        "01 {time} {time} a7a201 01 {windows} 01 455552 01 74 01 01 930a 01 930a 01 4445 01 00 01 04 35343131 01 00 \
         01 0102030405060708 01 aabbccdd 01 4445 {time}"
    );
    assert_eq!(hex::encode(encoded(&profile)), text.replace(' ', ""));
}

#[test]
fn any_bytes_are_refused_or_are_what_would_be_written() {
    let mut rng = StdRng::seed_from_u64(3);
    let now = Timestamp::from_unix_s(1_795_000_000);
    let mut profile = Profile::of_stranger(&event(&mut rng, now), now);
    for _ in 0..60 {
        profile.observe(&event(&mut rng, now), Standing::Passed, now);
    }
    let whole = encoded(&profile);
    let check = |bytes: &[u8]| {
        let _any = Profile::seen_of(bytes);
        if let Ok(read) = Profile::decode(bytes) {
            assert_eq!(encoded(&read), bytes);
        }
    };
    (0..whole.len()).for_each(|length| assert!(Profile::decode(&whole[..length]).is_err()));
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random();
        }
        check(&bytes);
        let mut noise = vec![0; rng.random_range(0..200)];
        rng.fill_bytes(&mut noise);
        noise.first_mut().into_iter().for_each(|version| *version = 1);
        check(&noise);
    }
    assert_eq!(Profile::decode(&[2]), Err(ProfileFault::Version { found: 2 }));
    assert_eq!(Profile::decode(&[]), Err(ProfileFault::Truncated));
    let longer = [whole.as_slice(), &[0]].concat();
    assert_eq!(Profile::decode(&longer), Err(ProfileFault::Malformed("end")));
}
