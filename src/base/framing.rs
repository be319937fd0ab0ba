//! `lp(x) = u8 length ‖ x`: the one framing of variable fields in everything that is hashed (DESIGN §5).

/// Appends `lp(field)` to `out`.
///
/// # Panics
/// When `field` is longer than 255 bytes: every framed field has a type that is shorter by construction.
pub fn push_framed(out: &mut Vec<u8>, field: &[u8]) {
    let length = u8::try_from(field.len()).expect("framed fields are at most 255 bytes by their types");
    out.push(length);
    out.extend_from_slice(field);
}

/// `lp(first) ‖ lp(second) ‖ …` as one byte string.
pub fn framed(fields: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(fields.iter().map(|field| field.len() + 1).sum());
    for field in fields {
        push_framed(&mut out, field);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_carries_its_length() {
        assert_eq!(framed(&[b"ab", b"", b"c"]), b"\x02ab\x00\x01c");
    }
}
