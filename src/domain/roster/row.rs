//! A member's row in the texts of rosters and cards: its fields read and written.

use serde::Deserialize;

use crate::base::limits;
use crate::base::name::{GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::domain::roster::error::RosterError;
use crate::domain::roster::fields::{count, digest, member_field, name, put, quoted_list, time};
use crate::domain::roster::member::{FeedKey, Member, MemberState};

/// A member's row, shared with member cards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMember {
    id: String,
    name: String,
    state: String,
    valid_from: String,
    valid_until: String,
    entries_per_day: u32,
    endpoints: Vec<String>,
    pins: Vec<String>,
    groups: Vec<String>,
    feed_keys: Vec<RawFeedKey>,
    audit_key: String,
    witness_key: String,
    hpke_key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFeedKey {
    group: String,
    from_size: u64,
    key: String,
}

impl RawMember {
    pub(super) fn parse(&self) -> Result<Member, RosterError> {
        let id: MemberId = name("member.id", &self.id)?;
        count("endpoints of a member", 0, limits::ENDPOINTS_PER_MEMBER, self.endpoints.len())?;
        count("pins of a member", 1, 2, self.pins.len())?;
        count("groups of a member", 0, limits::GROUPS_PER_MEMBER, self.groups.len())?;
        count("feed keys of a member", 1, limits::FEED_KEYS_PER_MEMBER, self.feed_keys.len())?;
        let mut groups = std::collections::BTreeSet::new();
        for group in &self.groups {
            if !groups.insert(name::<GroupId>("member.groups", group)?) {
                return Err(RosterError::MemberField { member: id, field: "groups", rule: "a group stands twice" });
            }
        }
        Ok(Member {
            name: member_field(&id, "name", &self.name)?,
            state: MemberState::from_label(&self.state).ok_or_else(|| RosterError::MemberField {
                member: id.clone(),
                field: "state",
                rule: "one of active, suspended, left",
            })?,
            valid_from: time("member.valid_from", &self.valid_from)?,
            valid_until: time("member.valid_until", &self.valid_until)?,
            entries_per_day: self.entries_per_day,
            endpoints: self.endpoints.iter().map(|e| member_field(&id, "endpoints", e)).collect::<Result<_, _>>()?,
            pins: self.pins.iter().map(|pin| digest("member.pins", pin)).collect::<Result<_, _>>()?,
            groups,
            feeds: self.feed_keys.iter().map(|feed| feed.parse(&id)).collect::<Result<_, _>>()?,
            audit_key: member_field(&id, "audit_key", &self.audit_key)?,
            witness_key: member_field(&id, "witness_key", &self.witness_key)?,
            hpke_key: member_field(&id, "hpke_key", &self.hpke_key)?,
            id,
        })
    }
}

impl RawFeedKey {
    fn parse(&self, member: &MemberId) -> Result<FeedKey, RosterError> {
        Ok(FeedKey {
            group: name("member.feed_keys.group", &self.group)?,
            from_size: TreeSize(self.from_size),
            key: member_field(member, "feed_keys", &self.key)?,
        })
    }
}

/// Writes a member's row without its heading.
pub(super) fn write_member(out: &mut String, member: &Member) {
    let feeds = member.feeds.iter().map(|feed| {
        format!("  {{ group = \"{}\", from_size = {}, key = \"{}\" }},\n", feed.group, feed.from_size, feed.key)
    });
    put(
        out,
        format_args!(
            "id = \"{}\"\nname = {}\nstate = \"{}\"\nvalid_from = \"{}\"\nvalid_until = \"{}\"\nentries_per_day = {}\n\
             endpoints = {}\npins = {}\ngroups = {}\nfeed_keys = [\n{}]\naudit_key = \"{}\"\nwitness_key = \"{}\"\n\
             hpke_key = \"{}\"\n",
            member.id,
            // Names may hold quotes and backslashes; everything else is plain by its type.
            toml::Value::String(member.name.to_string()),
            member.state.label(),
            member.valid_from,
            member.valid_until,
            member.entries_per_day,
            quoted_list(&member.endpoints),
            quoted_list(&member.pins),
            quoted_list(&member.groups),
            feeds.collect::<String>(),
            member.audit_key,
            member.witness_key,
            member.hpke_key,
        ),
    );
}
