//! What the node answered to one call of drafts, on the account of the run: what is new, what an earlier call published, what
//! was refused in whole and in part.

use std::collections::BTreeSet;

use crate::app::cli::stream::Account;
use crate::app::output::counted;
use crate::app::records::refusal::Refusal;
use crate::app::records::words;
use crate::io::grpc::wire::hushwire::local::v1 as local;

/// What stands at an index of the node's answer. One beyond what was sent would be its fault, and no reason to crash.
pub fn at<T>(sent: &[T], index: u32) -> Option<&T> {
    sent.get(usize::try_from(index).ok()?)
}

/// Takes one answer to the account; `lines` and `drafts` are those of the call.
pub fn note(
    account: &mut Account,
    response: &local::PublishIndicatorsResponse,
    lines: &[u64],
    drafts: &[local::IndicatorDraft],
) {
    let line_of = |index: u32| at(lines, index).copied().unwrap_or(0);
    let counts = |when: fn(&local::PublishedIndicator) -> bool| {
        u64::try_from(response.published.iter().filter(|published| when(published)).count()).unwrap_or(u64::MAX)
    };
    account.accepted += counts(|_| true);
    account.before += counts(|published| published.published_before);
    account.ended_since += counts(|published| published.ended_since);
    // All that one record becomes is in one call.
    let published: BTreeSet<u64> = response.published.iter().map(|published| line_of(published.draft)).collect();
    let refused: BTreeSet<u64> = response.refused.iter().map(|refused| line_of(refused.record)).collect();
    account.in_part += u64::try_from(published.intersection(&refused).count()).unwrap_or(u64::MAX);
    account.refuse(response.refused.iter().map(|refused| {
        let field = field_of(&refused.field, at(drafts, refused.record));
        Refusal::new(line_of(refused.record), field, &refused.rule, &refused.description)
    }));
}

/// The node knows drafts of one value each; in a record with several identifiers only the kind says which was refused.
fn field_of<'a>(field: &'a str, draft: Option<&local::IndicatorDraft>) -> &'a str {
    match draft.and_then(|draft| draft.identifier.as_ref()) {
        Some(identifier) if field == "value" => words::kind_label(identifier.kind),
        _ => field,
    }
}

/// The account in words, e.g. "3 indicators published, 1 record refused".
pub fn told(account: &Account, verb: &str) -> String {
    let mut parts = vec![format!("{} {verb}", counted(account.accepted - account.before, "indicator", "indicators"))];
    if account.before > 0 {
        let ended = match account.ended_since {
            0 => String::new(),
            ended => format!(" ({ended} of them retracted or ended since)"),
        };
        parts.push(format!("{} published before{ended}", account.before));
    }
    let in_part = match account.in_part {
        0 => String::new(),
        all if all == account.refused => " in part".to_owned(),
        some => format!(" ({some} of them in part)"),
    };
    parts.push(format!("{} refused{in_part}", counted(account.refused, "record", "records")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_what_was_published_before_and_what_was_refused_in_part_are_told_apart() {
        let check = |accepted, before, ended_since, refused, in_part, expected: &str| {
            let mut account = Account::default();
            (account.accepted, account.before, account.ended_since) = (accepted, before, ended_since);
            (account.refused, account.in_part) = (refused, in_part);
            assert_eq!(told(&account, "published"), expected);
        };
        check(3, 0, 0, 1, 0, "3 indicators published, 1 record refused");
        check(8, 0, 0, 5, 5, "8 indicators published, 5 records refused in part");
        check(8, 0, 0, 5, 2, "8 indicators published, 5 records refused (2 of them in part)");
        check(5, 2, 0, 0, 0, "3 indicators published, 2 published before, 0 records refused");
        let ended =
            "0 indicators published, 1 published before (1 of them retracted or ended since), 0 records refused";
        check(1, 1, 1, 0, 0, ended);
    }
}
