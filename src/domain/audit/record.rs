//! One record of the audit log: its words, its bytes, its rendering.
//!
//! Leaves out who may write which record (the use cases) and where records are kept (entries of kind 32 in a feed).
//! The bytes are `hushwire.types.v1.AuditRecord`, encoded and decoded in this file only.

use std::fmt;

use prost::Message;

use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::wire;

/// Characters of one value. Longer ones are cut: a record is never refused, or something would happen unrecorded.
pub const VALUE_CHARACTERS: usize = 512;

/// Fields of one record.
pub const FIELDS: usize = 64;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// The node by itself (timers, recovery, start and stop).
    Node,
    /// A caller inside the member, by the URI of its certificate: `hushwire://MEMBER/ROLE/NAME`.
    Local { member: MemberId, role: &'static str, name: String },
    /// Another member, by the pin of its key.
    Peer(MemberId),
    /// Somebody who was refused because nobody knows who it is.
    Stranger,
    /// Whoever ran a command on the node's machine, by the number of their user there.
    Machine { uid: u32 },
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node => f.write_str("node"),
            Self::Local { member, role, name } => write!(f, "hushwire://{member}/{role}/{name}"),
            Self::Peer(member) => write!(f, "{member}"),
            // No member's name: those have no capital letters.
            Self::Stranger => f.write_str("UNKNOWN"),
            Self::Machine { uid } => write!(f, "MACHINE/uid-{uid}"),
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// The caller or the peer was refused.
    Refused,
    /// Something is broken or somebody lied.
    Fault,
}

impl Outcome {
    pub const ALL: [Self; 3] = [Self::Ok, Self::Refused, Self::Fault];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Fault => "fault",
        }
    }
}

/// Bytes that are no audit record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("not an audit record")]
    NotARecord,
    #[error("unknown outcome of an audit record")]
    Outcome,
    #[error("an audit record holds control characters or text beyond its limits")]
    Text,
    #[error("the fields of an audit record are not in ascending order of their names")]
    Order,
    #[error("an audit record with {got} fields exceeds the limit of {limit}")]
    Fields { got: usize, limit: usize },
    #[error("an audit record holds bytes this version does not know")]
    Unknown,
}

/// One thing that happened, in stable words. Never holds a raw identifier: events are typed so that none can enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    time: Timestamp,
    actor: String,
    action: String,
    subject: String,
    outcome: Outcome,
    fields: Vec<(String, String)>,
}

impl AuditRecord {
    /// Brings every text into one printable line and the fields into the order of their names.
    pub(in crate::domain::audit) fn new(
        time: Timestamp,
        actor: &Actor,
        action: &'static str,
        subject: &str,
        outcome: Outcome,
        fields: Vec<(&'static str, String)>,
    ) -> Self {
        let mut fields: Vec<(String, String)> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), one_line(&value))).collect();
        fields.sort();
        fields.dedup_by(|later, earlier| later.0 == earlier.0);
        Self {
            time,
            actor: one_line(&actor.to_string()),
            action: action.to_owned(),
            subject: one_line(subject),
            outcome,
            fields,
        }
    }

    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// `hushwire://MEMBER/ROLE/NAME`, a member id, `node`, `UNKNOWN`, or `MACHINE/uid-NUMBER`.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// A stable lower-case word, e.g. `indicator.published`.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// A resource name, a feed, a decision id; empty where the action says all.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Further values in ascending order of their names.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The blob of the entry. Made once; what is committed to is these bytes.
    pub fn encode(&self) -> Vec<u8> {
        wire::AuditRecord {
            time_ms: self.time.unix_ms(),
            actor: self.actor.clone(),
            action: self.action.clone(),
            subject: self.subject.clone(),
            outcome: self.outcome.name().to_owned(),
            fields: self
                .fields
                .iter()
                .map(|(name, value)| wire::AuditField { name: name.clone(), value: value.clone() })
                .collect(),
        }
        .encode_to_vec()
    }

    /// Reads a blob. Strict: what it returns shows all that the bytes hold, so a rendering hides nothing.
    pub fn decode(blob: &[u8]) -> Result<Self, RecordError> {
        let message = wire::AuditRecord::decode(blob).map_err(|_| RecordError::NotARecord)?;
        let outcome =
            Outcome::ALL.into_iter().find(|outcome| outcome.name() == message.outcome).ok_or(RecordError::Outcome)?;
        if message.fields.len() > FIELDS {
            return Err(RecordError::Fields { got: message.fields.len(), limit: FIELDS });
        }
        let fields: Vec<(String, String)> = message.fields.into_iter().map(|field| (field.name, field.value)).collect();
        if !fields.is_sorted_by(|earlier, later| earlier.0 < later.0) {
            return Err(RecordError::Order);
        }
        let texts = [&message.actor, &message.action, &message.subject];
        let values = fields.iter().flat_map(|(name, value)| [name, value]);
        if texts.into_iter().chain(values).any(|text| one_line(text) != *text) {
            return Err(RecordError::Text);
        }
        let record = Self {
            time: Timestamp::from_unix_ms(message.time_ms),
            actor: message.actor,
            action: message.action,
            subject: message.subject,
            outcome,
            fields,
        };
        // Unknown or repeated protobuf fields would be committed to without being shown.
        if record.encode() != blob {
            return Err(RecordError::Unknown);
        }
        Ok(record)
    }
}

/// One line for people: `2026-11-18T11:06:40.123Z ok indicator.published members/… by hushwire://… epoch=1 kind=pan`.
impl fmt::Display for AuditRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.time, self.outcome.name(), self.action)?;
        if !self.subject.is_empty() {
            write!(f, " {}", self.subject)?;
        }
        write!(f, " by {}", self.actor)?;
        for (name, value) in &self.fields {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

/// Text on one line: control characters, line separators and characters that turn the reading direction become `\u{…}`,
/// what exceeds [`VALUE_CHARACTERS`] becomes `…`. Doing it again changes nothing.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = 0;
    for character in text.chars() {
        let piece =
            if turns_or_breaks(character) { character.escape_unicode().to_string() } else { character.to_string() };
        let length = piece.chars().count();
        if characters + length > VALUE_CHARACTERS {
            // Cut so that the mark itself still fits: the result then passes unchanged.
            while out.chars().count() >= VALUE_CHARACTERS {
                out.pop();
            }
            out.push('…');
            return out;
        }
        characters += length;
        out.push_str(&piece);
    }
    out
}

/// Characters that could forge a line in a terminal, a log or a table (RELIABILITY A17).
fn turns_or_breaks(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(subject: &str, value: &str) -> AuditRecord {
        AuditRecord::new(
            Timestamp::from_unix_ms(1_795_000_000_123),
            &Actor::Node,
            "node.started",
            subject,
            Outcome::Ok,
            vec![("version", value.to_owned()), ("epoch", "1".to_owned())],
        )
    }

    #[test]
    fn a_record_is_one_line_with_fields_in_order() {
        assert_eq!(
            sample("x", "0.1.0").to_string(),
            "2026-11-18T11:06:40.123Z ok node.started x by node epoch=1 version=0.1.0"
        );
    }

    #[test]
    fn hidden_bytes_in_a_record_are_refused() {
        let mut blob = sample("x", "y").encode();
        blob.extend_from_slice(&[0x9A, 0x01, 0x01, b'z']); // field 19, unknown to this version
        assert_eq!(AuditRecord::decode(&blob), Err(RecordError::Unknown));
    }

    #[test]
    fn fields_out_of_order_are_refused() {
        let mut message = wire::AuditRecord::decode(&*sample("x", "y").encode()).expect("just encoded");
        message.fields.reverse();
        assert_eq!(AuditRecord::decode(&message.encode_to_vec()), Err(RecordError::Order));
    }

    #[test]
    fn an_escape_sequence_cannot_reach_a_terminal() {
        let check = |text: &str, expected: &str| assert_eq!(one_line(text), expected);
        check("a\u{1b}[31mb", "a\\u{1b}[31mb");
        check("a\nb", "a\\u{a}b");
        check("a\u{202e}b", "a\\u{202e}b");
        check("grün — ok", "grün — ok");
    }

    proptest! {
        #[test]
        fn any_text_becomes_exactly_one_line_and_survives_the_bytes(subject in any::<String>(), value in ".{0,700}") {
            let record = sample(&subject, &value);
            prop_assert_eq!(record.to_string().lines().count(), 1);
            prop_assert_eq!(one_line(record.subject()), record.subject());
            prop_assert_eq!(AuditRecord::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = AuditRecord::decode(&bytes);
        }
    }
}
