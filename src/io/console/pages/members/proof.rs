//! The proof that a member signed two histories, as a file that anybody can check without this node.
//!
//! It holds the two checkpoints as they were signed (C2SP signed notes), the hashes that show how they contradict each other, and
//! the keys that the roster names for them. Nobody but the holder of those keys can have made it.

use serde::Serialize;

use crate::base::name::{GroupId, MemberId};
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::visit::Visit;
use crate::node::accuse::Accusation;

/// Media type of the file.
const JSON: &str = "application/json; charset=utf-8";

/// What the file says of itself.
const MEANING: &str = "The holder of the keys signed both checkpoints for one origin, and they cannot both be true: of one size \
     with different roots, or the second, larger tree does not begin with the first. Each checkpoint is a C2SP signed note; \
     check its signature with the key, then compare the roots, or where the sizes differ follow the hashes from the first to \
     the root of the second.";

/// The file.
#[derive(Debug, Serialize)]
struct File<'a> {
    meaning: &'static str,
    origin: &'a str,
    keys: &'a [String],
    first_checkpoint: &'a str,
    second_checkpoint: &'a str,
    /// Hexadecimal; empty where both are of one size.
    hashes: Vec<String>,
}

/// The proof as text.
fn text(accusation: &Accusation) -> Result<String, serde_json::Error> {
    let proof = &accusation.proof;
    serde_json::to_string_pretty(&File {
        meaning: MEANING,
        origin: &proof.origin,
        keys: &accusation.keys,
        first_checkpoint: &proof.first,
        second_checkpoint: &proof.second,
        hashes: proof.consistency.iter().map(hex::encode).collect(),
    })
    .map(|text| text + "\n")
}

pub async fn download(visit: Visit) -> Result<Answer, Fault> {
    let (member, group): (MemberId, GroupId) = (visit.value("member")?, visit.value("group")?);
    let asked = member.clone();
    let accusations = visit.look(move |node, _| node.accusations(&asked)).await?;
    let found = accusations.iter().find(|accusation| accusation.feed.group == group).ok_or(Fault::NotFound)?;
    let text = text(found).map_err(|error| Fault::Broken(format!("proof: {error}")))?;
    Ok(Answer::file(format!("two-histories-{member}-{group}.json"), JSON, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::name::FeedId;
    use crate::base::position::TreeSize;
    use crate::node::commit::Equivocated;

    #[test]
    fn the_file_holds_what_was_signed_to_the_byte() {
        let proof = Equivocated {
            origin: "demo.example/bank-b/all".to_owned(),
            first: "demo.example/bank-b/all\n2\nAAAA\n\n— a \"note\" abcd\n".to_owned(),
            second: "<script>".to_owned(),
            consistency: vec![vec![0xAB; 32]],
        };
        let feed = FeedId { member: "bank-b".parse().expect("valid"), group: "all".parse().expect("valid") };
        let keys = vec!["name+hash+key".to_owned()];
        let accusation = Accusation { feed, sizes: [TreeSize(2), TreeSize(3)], keys, proof };
        let read: serde_json::Value = serde_json::from_str(&text(&accusation).expect("writes")).expect("JSON");
        assert_eq!(read["first_checkpoint"], accusation.proof.first.as_str());
        assert_eq!(read["second_checkpoint"], "<script>");
        assert_eq!((&read["hashes"][0], &read["keys"][0]), (&"ab".repeat(32).into(), &"name+hash+key".into()));
    }
}
