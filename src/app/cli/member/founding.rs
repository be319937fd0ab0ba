//! A consortium founded on one machine: `init` founds one of a single member, the demonstration one of three.
//!
//! The same steps as between institutions, in one call: keys, cards, genesis, signatures, invitation, entry. Nothing is
//! skipped or weakened but the distance, so whoever starts so can let others in later by `hushwire member propose`.

use rand::CryptoRng;

use crate::app::cli::member::apply::Papers;
use crate::app::cli::member::card::{Wishes, card_of};
use crate::app::cli::member::genesis::{Founding, prepare};
use crate::app::cli::member::invite::pack;
use crate::app::cli::member::join::{Entry, join};
use crate::app::cli::member::keygen::{Holder, make_keys};
use crate::app::cli::member::sign::Document;
use crate::app::config::layout::NodeDir;
use crate::app::outcome::CliError;
use crate::base::name::{ConsortiumId, MemberId};
use crate::base::time::Timestamp;
use crate::domain::note::key::NoteSigner;
use crate::domain::roster::card::MemberCard;
use crate::domain::roster::succession::RosterNote;
use crate::domain::roster::terms::{Admins, Limits};
use crate::domain::roster::verified::Roster;
use crate::io::keystore::admin::AdminKey;
use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::sealed::WorkFactor;
use crate::io::keystore::store::Keystore;

/// One founding member with its folder on this machine.
#[derive(Debug)]
pub struct LocalMember {
    pub node: NodeDir,
    pub member: MemberId,
    pub wishes: Wishes,
    /// Host names and addresses of its local listener.
    pub hosts: Vec<String>,
}

/// What all of them agree on.
#[derive(Debug)]
pub struct LocalTerms<'a> {
    pub consortium: ConsortiumId,
    pub members: &'a [LocalMember],
    /// All of them sign the genesis.
    pub admins: &'a [AdminKey],
    /// How many of them must sign every later change.
    pub quorum: usize,
    pub limits: Limits,
    pub valid_days: u32,
    /// Seals every keystore.
    pub passphrase: &'a Passphrase,
    pub work: WorkFactor,
}

/// Makes every member's keys and certificates and lets all of them enter. Returns the genesis roster, in force.
pub fn found_locally(terms: &LocalTerms<'_>, now: Timestamp, rng: &mut impl CryptoRng) -> Result<Roster, CliError> {
    let mut cards = Vec::new();
    for local in terms.members {
        let holder = Holder { consortium: &terms.consortium, member: &local.member, hosts: &local.hosts };
        let pin = make_keys(&local.node, &holder, terms.passphrase, terms.work, now, rng)?;
        let keystore = Keystore::read(&local.node.keystore(), terms.passphrase)?;
        cards.push(MemberCard::verify(&card_of(&keystore, pin, &local.wishes, None, now)?)?);
    }
    let signers = terms.admins.iter().map(AdminKey::signer).collect::<Result<Vec<_>, _>>()?;
    let keys = signers.iter().map(|signer| signer.verifier().clone()).collect();
    let founding = Founding {
        consortium: terms.consortium.clone(),
        cards,
        admins: Admins { quorum: terms.quorum, keys },
        limits: terms.limits.clone(),
        valid_days: terms.valid_days,
    };
    let prepared = prepare(&founding, now, rng)?;
    let rosters = vec![signed(&prepared.roster, &signers, now)?];
    let bundles = prepared.bundles.iter().map(|(_, text)| signed(text, &signers, now)).collect::<Result<_, _>>()?;
    let invitation = pack(Vec::new(), Papers { rosters, bundles }, now)?;
    for local in terms.members {
        let keystore = Keystore::read(&local.node.keystore(), terms.passphrase)?;
        let invitation = invitation.clone();
        let entry = Entry { invitation, genesis: prepared.sha256, passphrase: terms.passphrase, work: terms.work };
        join(&local.node, keystore, entry, now)?;
    }
    let genesis = invitation.rosters.first().ok_or_else(|| CliError::failed("the invitation holds no roster"))?;
    Ok(RosterNote::parse(genesis)?.verify_genesis(&prepared.sha256)?)
}

fn signed(text: &str, signers: &[NoteSigner], now: Timestamp) -> Result<String, CliError> {
    let mut note = text.to_owned();
    for signer in signers {
        note = Document::read(&note)?.signed(signer, now)?;
    }
    Ok(note)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::domain::pseudonym::keys::EpochKeys;
    use crate::io::certificate::pin_of_pem;

    #[test]
    fn all_members_founded_here_share_roster_and_epoch_and_keep_their_own_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Timestamp::from_unix_s(1_795_305_600);
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let consortium: ConsortiumId = "demo.example".parse().expect("valid");
        let passphrase = Passphrase::new("correct horse").expect("a line");
        let local = |name: &str| LocalMember {
            node: NodeDir::new(folder.path().join(name)),
            member: name.parse().expect("valid"),
            wishes: Wishes {
                name: name.parse().expect("valid"),
                endpoints: vec!["127.0.0.1:7443".parse().expect("valid")],
                groups: vec!["all".parse().expect("valid")],
                entries_per_day: 1_000,
                valid_days: 365,
            },
            hosts: vec!["localhost".to_owned()],
        };
        let members = ["bank-a", "bank-b", "shop"].map(local);
        let admins = [AdminKey::generate(consortium.clone(), "anna".parse().expect("valid"), &mut rng)];
        let terms = LocalTerms {
            consortium: consortium.clone(),
            members: &members,
            admins: &admins,
            quorum: 1,
            limits: Limits::default(),
            valid_days: 365,
            passphrase: &passphrase,
            work: WorkFactor::danger_quick(),
        };
        let roster = found_locally(&terms, now, &mut rng).expect("founded");
        let mut seeds = std::collections::BTreeSet::new();
        let mut epochs = std::collections::BTreeSet::new();
        for local in &members {
            assert_eq!(local.node.roster_files().current().expect("entered").sha256(), roster.sha256());
            let keystore = Keystore::read(&local.node.keystore(), &passphrase).expect("opens");
            seeds.insert(keystore.keys.feed.to_bytes());
            let ring = keystore.keys.key_ring(&roster, now).expect("epoch 1");
            epochs.extend(ring.readable().map(EpochKeys::epoch_id));
            let pem = std::fs::read_to_string(local.node.peer_certificate()).expect("there");
            let pinned = roster.admitted(&pin_of_pem(&pem).expect("a certificate"), now);
            assert_eq!(pinned.map(|member| &member.id), Some(&local.member));
        }
        assert_eq!((seeds.len(), epochs.len()), (3, 1));
    }
}
