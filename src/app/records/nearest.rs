//! The column that was meant, where the one asked for is not there.

/// The name that differs least from the one asked for; none where all differ in more than half of it.
pub fn nearest<'a>(asked: &str, names: &[&'a str]) -> Option<&'a str> {
    let asked = asked.to_lowercase();
    let distance = |name: &&str| {
        let name = name.to_lowercase();
        // A column named at greater length is what was meant more often than one with as many other letters.
        let is_longer = |long: &str, short: &str| short.len() >= 4 && long.contains(short);
        if is_longer(&name, &asked) || is_longer(&asked, &name) {
            edits(&asked, &name).min(2)
        } else {
            edits(&asked, &name)
        }
    };
    let best = names.iter().min_by_key(|name| distance(name)).copied()?;
    (distance(&best) * 2 <= asked.chars().count()).then_some(best)
}

/// Letters to insert, drop or replace to get from one word to the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, letter) in from.chars().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        for (other, cell) in to.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = *cell;
            left = replaced.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_told_where_one_is_near() {
        let check = |asked: &str, expected: Option<&str>| {
            assert_eq!(nearest(asked, &["ts", "amount_cents", "Card Number", ""]), expected, "{asked}");
        };
        check("amout_cents", Some("amount_cents"));
        check("amount", Some("amount_cents"));
        check("card_number", Some("Card Number"));
        check("colour", None);
        assert_eq!((edits("kitten", "sitting"), edits("", "ab"), edits("ab", "")), (3, 2, 2));
    }
}
