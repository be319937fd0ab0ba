//! Short free text of an indicator. It reaches other members, so nothing that looks like an identifier may stand in it.

use std::fmt;

use crate::base::kind::IdentifierKind;
use crate::base::limits::NOTE_CHARACTERS;
use crate::domain::identifier::text::looks_like_identifier;

/// The rule a note broke; the note itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("a note has at most {NOTE_CHARACTERS} characters, got {got}")]
    Length { got: usize },
    #[error("a note is one line of printable text")]
    Control,
    #[error("a note must not hold identifiers; this one holds what looks like one of kind {kind}")]
    HoldsIdentifier { kind: IdentifierKind },
}

/// At most 140 characters on one line, without anything that looks like an identifier. May be empty.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Note(String);

impl Note {
    /// The check of a publisher's own note.
    pub fn new(text: &str) -> Result<Self, NoteError> {
        let note = Self::received(text)?;
        match looks_like_identifier(&note.0) {
            Some(kind) => Err(NoteError::HoldsIdentifier { kind }),
            None => Ok(note),
        }
    }

    /// A note as a peer sent it: only its form is checked, the peer answers for what it says.
    pub fn received(text: &str) -> Result<Self, NoteError> {
        let text = text.trim();
        let got = text.chars().count();
        if got > NOTE_CHARACTERS {
            return Err(NoteError::Length { got });
        }
        if text.chars().any(|character| character.is_control() || is_invisible(character)) {
            return Err(NoteError::Control);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows the length only: a note may hold what its author should not have written.
impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note({} characters)", self.0.chars().count())
    }
}

/// Line and paragraph separators, joiners and direction marks: they split an identifier or turn a screen's text around.
pub(in crate::domain) fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_holds_no_identifier() {
        let check = |text: &str, accepted: bool| assert_eq!(Note::new(text).is_ok(), accepted, "{text:?}");
        check("", true);
        check("three failed attempts, then one large order", true);
        check("card 4111 1111 1111 1111 used", false);
        check("wrote from mallory@example.org", false);
    }

    #[test]
    fn a_note_is_short_and_one_line() {
        assert!(Note::new(&"ü".repeat(140)).is_ok());
        assert_eq!(Note::new(&"ü".repeat(141)), Err(NoteError::Length { got: 141 }));
        assert_eq!(Note::new("two\nlines"), Err(NoteError::Control));
        assert_eq!(Note::new("turned \u{202E}around"), Err(NoteError::Control));
    }

    #[test]
    fn debug_shows_no_text() {
        assert_eq!(format!("{:?}", Note::new("secret").expect("valid")), "Note(6 characters)");
    }
}
