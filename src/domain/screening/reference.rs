//! What a customer can read over the telephone in place of a decision's id.

/// The reference of the decision with this id: Crockford's base 32 without vowels' look-alikes, in two groups, "7KQ2-M0XD".
pub fn reference(id: &[u8; 16]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut text = String::with_capacity(9);
    for (place, byte) in id.iter().take(8).enumerate() {
        if place == 4 {
            text.push('-');
        }
        let symbol = ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'0');
        text.push(char::from(symbol));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_short_and_has_no_letter_that_is_misread() {
        let text = reference(&[0xFF; 16]);
        assert_eq!(text, "ZZZZ-ZZZZ");
        assert_eq!(reference(&[0; 16]), "0000-0000");
        for misread in ['I', 'L', 'O', 'U'] {
            assert!((0..=255).all(|byte| !reference(&[byte; 16]).contains(misread)));
        }
    }
}
