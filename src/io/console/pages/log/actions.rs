//! What happened, in the words of people: every action of the audit log, and the topics by which they are filtered.

/// Actions by their first word, by what they are about.
pub const TOPICS: &[(&str, &[(&str, &str)])] = &[
    (
        "What is shared",
        &[
            ("indicator", "Our statements"),
            ("publication", "Statements that were refused"),
            ("sighting", "What others saw of ours"),
            ("dispute", "Disputes"),
            ("erasure", "Erasures"),
            ("entry", "Erased entries"),
            ("decoy", "Decoys"),
        ],
    ),
    (
        "Other members",
        &[
            ("feed", "Deliveries and receipts"),
            ("checkpoint", "Cosignatures"),
            ("peer", "Faults of other members"),
            ("quarantine", "Quarantines"),
        ],
    ),
    (
        "Orders",
        &[
            ("screening", "Decisions"),
            ("late_match", "Learnt too late"),
            ("case", "Cases"),
            ("list", "Own lists"),
            ("policy", "Policies"),
            ("rule", "Snoozed rules"),
            ("profile", "Profiles of customers"),
            ("authenticator", "Authenticators of customers"),
        ],
    ),
    (
        "Looks",
        &[
            ("audit", "This log"),
            ("decision", "Explanations"),
            ("identifier", "Identifiers looked up"),
            ("hold", "Legal holds"),
            ("statistics", "Statistics"),
            ("activity", "Figures by day"),
        ],
    ),
    (
        "People and access",
        &[
            ("console", "The console and its users"),
            ("call", "Refused calls"),
            ("cert", "Certificates"),
            ("token", "Tokens"),
            ("webhook", "Webhooks"),
        ],
    ),
    (
        "The node",
        &[
            ("node", "Starts and stops"),
            ("store", "The store"),
            ("backup", "Backups"),
            ("roster", "Rosters"),
            ("consortium", "The consortium"),
            ("epoch", "Epochs"),
            ("key", "Own keys"),
            ("keys", "New keys"),
            ("keystore", "The keystore"),
            ("guard", "Guard lists"),
        ],
    ),
];

/// Every action and what it means.
const ACTIONS: &[(&str, &str)] = &[
    ("activity.shown", "Figures by day looked at"),
    ("audit.diverged", "Others cosigned another log than this"),
    ("audit.exported", "Log exported with its proofs"),
    ("audit.extracted", "Search of the log saved"),
    ("audit.gap", "Records are missing here"),
    ("audit.listed", "Log looked at"),
    ("audit.proved", "Record looked at or proved"),
    ("audit.reported", "Report of a period made"),
    ("audit.size_shown", "Size of the log looked at"),
    ("authenticator.enrolled", "Customer's authenticator connected"),
    ("authenticator.removed", "Customer's authenticator removed"),
    ("backup.made", "Backup made"),
    ("backup.restored", "Backup restored"),
    ("call.refused", "Call refused"),
    ("case.assigned", "Case assigned"),
    ("case.challenge_failed", "Challenge failed"),
    ("case.challenge_missed", "Wrong answer to a challenge"),
    ("case.challenge_passed", "Challenge passed"),
    ("case.challenged", "Challenge begun"),
    ("case.expired", "Case ended by its timer"),
    ("case.listed", "Cases looked at"),
    ("case.noted", "Note added to a case"),
    ("case.opened", "Case opened"),
    ("case.refused", "Case refused"),
    ("case.release_asked", "Release of a case asked for"),
    ("case.released", "Case released"),
    ("case.reopened", "Case opened again"),
    ("case.resolved", "Outcome of a case reported"),
    ("case.shown", "Case looked at"),
    ("case.step_refused", "Step of a case refused"),
    ("case.tightened", "Case decided more strictly"),
    ("case.unopened", "Cases could not be opened"),
    ("cert.issued", "Certificate issued"),
    ("cert.renewed", "Certificate renewed"),
    ("cert.revoked", "Certificate revoked"),
    ("checkpoint.cosigned", "Checkpoint of another member cosigned"),
    ("console.authenticator_changed", "Authenticator changed"),
    ("console.change_refused", "Change of a user refused"),
    ("console.password_changed", "Password changed"),
    ("console.reauthenticated", "Proved again who they are"),
    ("console.reauthentication_refused", "Wrong password or code"),
    ("console.recovery_codes_renewed", "New recovery codes made"),
    ("console.roles_asked", "Operator's role asked for"),
    ("console.roles_changed", "Roles changed"),
    ("console.roles_confirmed", "Operator's role confirmed"),
    ("console.sessions_ended", "Sessions ended"),
    ("console.sign_in_refused", "Sign-in refused"),
    ("console.sign_ins_refused", "Sign-ins refused, counted"),
    ("console.signed_in", "Signed in"),
    ("console.signed_out", "Signed out"),
    ("console.user_closed", "User closed after wrong tries"),
    ("console.user_created", "User made"),
    ("console.user_disabled", "User disabled"),
    ("console.user_enabled", "User enabled"),
    ("console.user_enrolled", "User set up"),
    ("console.user_removed", "User removed"),
    ("console.user_reset", "User invited again"),
    ("console.viewed", "Page of the console viewed"),
    ("consortium.joined", "Consortium joined"),
    ("decision.explained", "Decision explained"),
    ("decoy.published", "Decoy published: it is about nobody"),
    ("dispute.upheld", "Disputed statement upheld"),
    ("dispute.withdrawn", "Dispute withdrawn"),
    ("entry.erased", "Statement erased everywhere"),
    ("epoch.activated", "New key epoch in force"),
    ("epoch.forgotten", "Secret of an old epoch destroyed"),
    ("epoch.put", "Secret of an epoch put in place"),
    ("erasure.asked", "Erasure asked for"),
    ("erasure.confirmed", "Erasure confirmed by a second person"),
    ("erasure.refused", "Erasure refused"),
    ("feed.delivered", "Delivered to a member"),
    ("feed.equivocated", "A member signed two histories"),
    ("feed.received", "Received from a member"),
    ("feed.silent", "A member's feed fell silent"),
    ("feed.unbelieved", "Entries of a member do not count here"),
    ("guard.loaded", "Guard lists loaded"),
    ("hold.lift_asked", "Lifting of a legal hold asked for"),
    ("hold.lifted", "Legal hold lifted"),
    ("hold.listed", "Legal holds looked at"),
    ("hold.placed", "Legal hold placed"),
    ("hold.refused", "Step of a legal hold refused"),
    ("identifier.looked_up", "Identifier looked up"),
    ("indicator.disputed", "Statement of another member disputed"),
    ("indicator.listed", "Own statements looked at"),
    ("indicator.published", "Statement published"),
    ("indicator.retracted", "Statement withdrawn"),
    ("key.abandoned", "Change of a key given up"),
    ("key.changed", "Key changed"),
    ("key.finished", "Change of a key finished"),
    ("key.prepared", "Change of a key prepared"),
    ("keys.made", "Keys made"),
    ("keystore.resealed", "Keystore sealed anew"),
    ("late_match.eased", "Nothing speaks against the order any more"),
    ("late_match.raised", "Order passed that would be stopped now"),
    ("list.added", "Identifier put on an own list"),
    ("list.removed", "Identifier taken from an own list"),
    ("node.fenced", "Node publishes nothing until it is sure of itself"),
    ("node.made", "Node made"),
    ("node.recovered", "Own feed fetched again from others"),
    ("node.started", "Node started"),
    ("node.stopped", "Node stopped"),
    ("peer.fault", "A member broke a rule"),
    ("policy.loaded", "Policy in force"),
    ("policy.refused", "Policy refused"),
    ("profile.erased", "Profile of a customer erased"),
    ("profile.shown", "Profile of a customer looked at"),
    ("publication.refused", "Publication refused"),
    ("quarantine.indicator", "Statement held back"),
    ("quarantine.indicator_lifted", "Statement counts again"),
    ("quarantine.kept", "Statement stays held back"),
    ("quarantine.lift_asked", "Lifting of a quarantine asked for"),
    ("quarantine.lift_refused", "Lifting of a quarantine refused"),
    ("quarantine.lifted", "Quarantine of a member lifted"),
    ("quarantine.raised", "Member put into quarantine"),
    ("roster.applied", "Roster in force"),
    ("roster.put", "Roster put in place"),
    ("roster.refused", "Roster refused"),
    ("rule.snoozed", "Rule switched off for a time"),
    ("rule.woken", "Rule switched on again"),
    ("screening.counted", "Orders of a minute, counted"),
    ("screening.decided", "Order decided"),
    ("screening.outcome", "Outcome of an order reported"),
    ("sighting.received", "A member told what it saw of our statement"),
    ("statistics.budget_shown", "Budget looked at"),
    ("statistics.listed", "Releases looked at"),
    ("statistics.refused", "Release of statistics refused"),
    ("statistics.released", "Statistics released"),
    ("statistics.skipped", "Release of statistics skipped"),
    ("statistics.summed", "Sum of releases looked at"),
    ("store.damaged", "Damage found in the store"),
    ("store.repaired", "Store repaired"),
    ("store.salvaged", "Store taken over from a damaged one"),
    ("token.issued", "Token issued"),
    ("token.revoked", "Token revoked"),
    ("webhook.refused", "A receiver of events refused one"),
];

/// What an action means; the action itself where it is of a later version.
pub fn action(action: &str) -> &str {
    ACTIONS.iter().find(|(own, _)| *own == action).map_or(action, |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::audit::asked;

    #[test]
    fn every_topic_of_the_log_can_be_chosen_once() {
        let topics: Vec<&str> = TOPICS.iter().flat_map(|(_, topics)| topics.iter().map(|(topic, _)| *topic)).collect();
        let distinct: BTreeSet<&str> = topics.iter().copied().collect();
        assert_eq!(distinct.len(), topics.len());
        assert_eq!(distinct, asked::ACTIONS.into_iter().collect());
    }

    #[test]
    fn every_action_has_words_for_people() {
        let files = [
            include_str!("../../../../domain/audit/words.rs"),
            include_str!("../../../../domain/audit/command.rs"),
            include_str!("../../../../domain/audit/console.rs"),
            include_str!("../../../../domain/audit/looked.rs"),
            include_str!("../../../../node/case.rs"),
            include_str!("../../../../node/dispute.rs"),
        ];
        let mut written = BTreeSet::new();
        for file in files {
            let product = file.split("#[cfg(test)]").next().unwrap_or_default();
            let is_word = |text: &str| text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
            let is_action =
                |text: &&str| text.split_once('.').is_some_and(|(topic, what)| is_word(topic) && is_word(what));
            written.extend(product.split('"').skip(1).step_by(2).filter(is_action));
        }
        assert!(written.len() > 120, "{}", written.len());
        let told: BTreeSet<&str> = ACTIONS.iter().map(|(action, _)| *action).collect();
        assert_eq!(told, written, "left: this table, right: the log's");
        assert_eq!(action("case.sung_to"), "case.sung_to");
    }
}
