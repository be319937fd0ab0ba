//! The text of a roster: TOML of one fixed shape, read strictly and written in one way.
//!
//! ```toml
//! format = "hushwire/v1/roster"                 # always the first line: no other signed text begins so
//! consortium = "demo.hushwire.example"
//! version = 2                                   # 1, 2, 3, … without gaps
//! previous = "<64 hex digits>"                  # SHA-256 of the text of version 1; absent in version 1
//! not_after = "2027-11-22T00:00:00Z"            # times: RFC 3339 in UTC, at most to the millisecond
//!
//! [admins]
//! quorum = 2
//! keys = ["demo.hushwire.example/admins/anna+…+…"]   # C2SP verifier keys, type 0x01
//!
//! [limits]
//! max_validity_days = 90
//! minimum_grounds = "own-confirmed"             # customer-report | own-confirmed | authority
//! minimum_suite = 1
//! witness_quorum = 0
//! freshness_limit_s = 900
//!
//! [[epoch]]                                     # consecutive numbers, ascending activation
//! number = 1
//! id = "<32 hex digits>"
//! activates_at = "2026-11-22T00:00:00Z"
//! compromised_at = "…"                          # only where the secret got out
//!
//! [[member]]
//! id = "bank-a"
//! name = "Bank A"
//! state = "active"                              # active | suspended | left
//! valid_from = "2026-11-22T00:00:00Z"
//! valid_until = "2027-11-22T00:00:00Z"
//! entries_per_day = 100000
//! endpoints = ["node.bank-a.example:7443"]
//! pins = ["<64 hex digits>"]                    # one, or two during a change of TLS keys
//! groups = ["all"]
//! feed_keys = [{ group = "all", from_size = 0, key = "demo.hushwire.example/bank-a/all+…+…" }]
//! audit_key = "demo.hushwire.example/bank-a/audit+…+…"
//! witness_key = "demo.hushwire.example/bank-a/witness+…+…"    # type 0x04
//! hpke_key = "x-wing:…"
//! ```
//!
//! Unknown and doubled fields are refused: an older node must never skip a rule it does not know. The hash of a roster is
//! SHA-256 of this text as received, its final newline included; signatures added later do not change it.

use serde::Deserialize;

use crate::base::bytes::Sha256Digest;
use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::limits;
use crate::base::name::ConsortiumId;
use crate::base::time::Timestamp;
use crate::domain::roster::error::RosterError;
use crate::domain::roster::fields::{check_opening, count, digest, lower_hex, name, put, read_toml, time, top_field};
use crate::domain::roster::member::Member;
use crate::domain::roster::row::{RawMember, write_member};
use crate::domain::roster::terms::{Admins, Epoch, Limits, MinimumGrounds};

/// First line of every roster: keeps a signature on a roster from ever meaning anything else.
pub const FORMAT_LINE: &str = "format = \"hushwire/v1/roster\"";
const FORMAT: &str = "hushwire/v1/roster";

/// Everything a roster says, before or after the rules were checked. Edited freely to propose the next version;
/// becomes a [`crate::domain::roster::verified::Roster`] only by signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterDraft {
    pub consortium: ConsortiumId,
    pub version: u64,
    /// SHA-256 of the text of the version before; none in version 1.
    pub previous: Option<Sha256Digest>,
    pub not_after: Timestamp,
    pub admins: Admins,
    pub limits: Limits,
    pub epochs: Vec<Epoch>,
    pub members: Vec<Member>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRoster {
    format: String,
    consortium: String,
    version: u64,
    previous: Option<String>,
    not_after: String,
    admins: RawAdmins,
    limits: RawLimits,
    // Absent tables read as empty lists, so that the refusal speaks of counts.
    #[serde(default)]
    epoch: Vec<RawEpoch>,
    #[serde(default)]
    member: Vec<RawMember>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAdmins {
    quorum: u16,
    keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    max_validity_days: u32,
    minimum_grounds: String,
    minimum_suite: u8,
    witness_quorum: u32,
    freshness_limit_s: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEpoch {
    number: u32,
    id: String,
    activates_at: String,
    compromised_at: Option<String>,
}

impl RosterDraft {
    /// Reads a roster's text. The rules between the fields are not checked yet.
    pub fn parse(text: &str) -> Result<Self, RosterError> {
        check_opening(text, FORMAT_LINE)?;
        let raw: RawRoster = read_toml(text)?;
        if raw.format != FORMAT {
            return Err(RosterError::WrongFormat { expected: FORMAT_LINE });
        }
        count("members", 1, limits::MEMBERS, raw.member.len())?;
        count("epochs", 1, limits::EPOCHS, raw.epoch.len())?;
        count("admin keys", 1, limits::ADMINS, raw.admins.keys.len())?;
        let keys = raw.admins.keys.iter().map(|key| top_field("admins.keys", key)).collect::<Result<_, _>>()?;
        Ok(Self {
            consortium: name("consortium", &raw.consortium)?,
            version: raw.version,
            previous: raw.previous.as_deref().map(|hash| digest("previous", hash)).transpose()?,
            not_after: time("not_after", &raw.not_after)?,
            admins: Admins { quorum: usize::from(raw.admins.quorum), keys },
            limits: raw.limits.parse()?,
            epochs: raw.epoch.iter().map(RawEpoch::parse).collect::<Result<_, _>>()?,
            members: raw.member.iter().map(RawMember::parse).collect::<Result<_, _>>()?,
        })
    }

    /// The text to be signed.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let previous = self.previous.map(|hash| format!("previous = \"{hash}\"\n")).unwrap_or_default();
        let keys: Vec<String> = self.admins.keys.iter().map(|key| format!("  \"{key}\",\n")).collect();
        let limits = &self.limits;
        put(
            &mut out,
            format_args!(
                "{FORMAT_LINE}\nconsortium = \"{}\"\nversion = {}\n{previous}not_after = \"{}\"\n\n\
                 [admins]\nquorum = {}\nkeys = [\n{}]\n\n\
                 [limits]\nmax_validity_days = {}\nminimum_grounds = \"{}\"\nminimum_suite = {}\nwitness_quorum = {}\n\
                 freshness_limit_s = {}\n",
                self.consortium,
                self.version,
                self.not_after,
                self.admins.quorum,
                keys.concat(),
                limits.max_validity_days,
                limits.minimum_grounds.label(),
                limits.minimum_suite,
                limits.witness_quorum,
                limits.freshness_limit_s,
            ),
        );
        for epoch in &self.epochs {
            put(
                &mut out,
                format_args!(
                    "\n[[epoch]]\nnumber = {}\nid = \"{}\"\nactivates_at = \"{}\"\n",
                    epoch.number, epoch.id, epoch.activates_at
                ),
            );
            if let Some(time) = epoch.compromised_at {
                put(&mut out, format_args!("compromised_at = \"{time}\"\n"));
            }
        }
        for member in &self.members {
            put(&mut out, format_args!("\n[[member]]\n"));
            write_member(&mut out, member);
        }
        out
    }
}

impl RawLimits {
    fn parse(&self) -> Result<Limits, RosterError> {
        let minimum_grounds = MinimumGrounds::from_label(&self.minimum_grounds).ok_or(RosterError::Field {
            field: "limits.minimum_grounds",
            rule: "one of customer-report, own-confirmed, authority",
        })?;
        Ok(Limits {
            max_validity_days: self.max_validity_days,
            minimum_grounds,
            minimum_suite: self.minimum_suite,
            witness_quorum: self.witness_quorum,
            freshness_limit_s: self.freshness_limit_s,
        })
    }
}

impl RawEpoch {
    fn parse(&self) -> Result<Epoch, RosterError> {
        let mut id = [0; 16];
        lower_hex(&self.id, &mut id)
            .ok_or(RosterError::Field { field: "epoch.id", rule: "32 lower-case hex digits" })?;
        Ok(Epoch {
            number: KeyEpoch(self.number),
            id: EpochId(id),
            activates_at: time("epoch.activates_at", &self.activates_at)?,
            compromised_at: self.compromised_at.as_deref().map(|at| time("epoch.compromised_at", at)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::roster::samples::draft;

    #[test]
    fn a_roster_reads_back_as_written() {
        let mut terms = draft(&["bank-a", "bank-b"]);
        terms.members[0].name = "Bank \"A\" \\ Söhne 銀行".parse().expect("valid");
        terms.epochs[0].compromised_at = Some(Timestamp::from_unix_ms(1_800_000_000_001));
        let text = terms.to_text();
        assert_eq!(RosterDraft::parse(&text), Ok(terms));
        assert!(text.starts_with(FORMAT_LINE));
    }

    /// Replaces `from` by `to` in a valid text and expects a refusal.
    fn check(from: &str, to: &str, expected: impl FnOnce(&RosterError) -> bool) {
        let text = draft(&["bank-a"]).to_text();
        assert!(text.contains(from), "the sample holds {from}");
        let refused = RosterDraft::parse(&text.replacen(from, to, 1)).expect_err("must be refused");
        assert!(expected(&refused), "{refused}");
    }

    fn unreadable(fault: &RosterError) -> bool {
        matches!(fault, RosterError::Document(_))
    }

    #[test]
    fn unknown_doubled_and_missing_fields_are_refused() {
        check("quorum = 2", "quorum = 2\nveto = true", unreadable);
        check("version = 1", "version = 1\nvetoed = 1", unreadable);
        check("quorum = 2", "quorum = 2\nquorum = 1", unreadable);
        check("[admins]", "[admins]\nquorum = 2\n[admins]", unreadable);
        check("state = \"active\"", "state = \"active\"\nroles = []", unreadable);
        check("from_size = 0,", "from_size = 0, until_size = 9,", unreadable);
        check("quorum = 2\n", "", unreadable);
        check("from_size = 0, ", "", unreadable);
    }

    #[test]
    fn fields_of_the_wrong_type_are_refused() {
        check("version = 1", "version = \"1\"", unreadable);
        check("version = 1", "version = -1", unreadable);
        check("version = 1", "version = 1.0", unreadable);
        check("minimum_suite = 1", "minimum_suite = 256", unreadable);
        check("from_size = 0", "from_size = 18446744073709551616", unreadable);
        check("pins = [", "pins = [[", unreadable);
    }

    #[test]
    fn only_a_roster_begins_like_a_roster() {
        check("roster", "member-card", |e| matches!(e, RosterError::WrongFormat { .. }));
        check("format", "\nformat", |e| matches!(e, RosterError::WrongFormat { .. }));
        check("v1/roster", "v2/roster", |e| matches!(e, RosterError::WrongFormat { .. }));
    }

    #[test]
    fn values_have_one_spelling() {
        let field = |e: &RosterError| matches!(e, RosterError::Field { .. } | RosterError::MemberField { .. });
        check("id = \"0101", "id = \"01", field);
        check("id = \"01010101", "id = \"AB010101", field);
        check("000Z\"\n\n[admins]", "000+00:00\"\n\n[admins]", field);
        check("000Z\"\n\n[admins]", "0001Z\"\n\n[admins]", field);
        check("not_after = \"2027", "not_after = \"1927", field);
        check("not_after = \"2027", "not_after = \"tomorrow", field);
        check("\"own-confirmed\"", "\"hearsay\"", field);
        check("\"active\"", "\"alive\"", field);
        check("groups = [\"all\"]", "groups = [\"all\", \"all\"]", field);
        check("pins = [\"", "pins = [\"zz", field);
        check("x-wing:", "kyber:", field);
        check(":7443", ":0", field);
        check("+", "-", field);
    }

    #[test]
    fn names_keep_their_rule() {
        let name = |e: &RosterError| matches!(e, RosterError::Name { .. });
        check("consortium = \"demo", "consortium = \"Demo", name);
        check("id = \"bank-a\"", "id = \"bank/a\"", name);
        check("groups = [\"all\"]", "groups = [\"\"]", name);
        check("group = \"all\"", "group = \"ALL\"", name);
    }

    #[test]
    fn deep_nesting_is_refused_without_harm() {
        let deep = format!("{FORMAT_LINE}\nx = {}", "[".repeat(200_000));
        assert!(RosterDraft::parse(&deep).is_err());
        let long = format!("{FORMAT_LINE}\n{}", "#".repeat(limits::NOTE_BYTES));
        assert!(matches!(RosterDraft::parse(&long), Err(RosterError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn any_text_never_panics(text in ".{0,300}") {
            let _ = RosterDraft::parse(&text);
            let _ = RosterDraft::parse(&format!("{FORMAT_LINE}\n{text}"));
        }

        #[test]
        fn any_damage_never_panics(at in 0usize..2000, byte in 0u8..127) {
            let mut bytes = draft(&["bank-a"]).to_text().into_bytes();
            if let Some(hit) = bytes.get_mut(at) {
                *hit = byte;
            }
            if let Ok(text) = String::from_utf8(bytes) {
                let _ = RosterDraft::parse(&text);
            }
        }
    }
}
