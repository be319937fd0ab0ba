//! A stopped node's store, opened without its process: what is on the disk, and what a clock elsewhere makes of it.

use hushwire::app::config::layout::NodeDir;
use hushwire::base::time::Timestamp;
use hushwire::domain::case::challenge::ChallengeRules;
use hushwire::domain::case::rules::CaseRules;
use hushwire::domain::identifier::CanonRules;
use hushwire::domain::identifier::guard::GuardLists;
use hushwire::domain::indicator::typology::TypologyList;
use hushwire::domain::statistics::budget::Epsilon;
use hushwire::domain::statistics::schedule::Schedule;
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::real_fs::RealFs;
use hushwire::io::random;
use hushwire::io::views::any::AnyViews;
use hushwire::node::Node;
use hushwire::node::identity::Identity;
use hushwire::node::local_mac::LocalMacKey;
use hushwire::node::state::Settings;

use crate::node::Home;

pub type OpenNode = Node<FileJournal<RealFs>, AnyViews>;

impl Home {
    pub fn journal(&self) -> FileJournal<RealFs> {
        let dir = self.path().join("journal");
        FileJournal::open(RealFs, &dir, &self.keystore().keys.storage, JournalOptions::default()).expect("opens")
    }

    /// The node on its journal at another time. It holds no feed key, so it signs nothing.
    pub fn open_store(&self, now: Timestamp) -> OpenNode {
        let keystore = self.keystore();
        let roster = NodeDir::new(self.path()).roster_files().current().expect("a roster");
        let (consortium, member, keys) = (&keystore.consortium, &keystore.member, &keystore.keys);
        let identity = Identity {
            consortium: consortium.clone(),
            member: member.clone(),
            former_feeds: Default::default(),
            feeds: Default::default(),
            audit: keys.audit_signer(consortium, member).expect("a key"),
            witness: keys.witness_signer(consortium, member).expect("a key"),
            key_ring: keys.key_ring(&roster, now).expect("an epoch").into(),
            local_mac: LocalMacKey::new(&keys.local_mac),
            sighting_keys: Vec::new(),
        };
        let settings = Settings {
            window_ms: 0,
            decoys: 0,
            canon_rules: CanonRules { default_region: None },
            guards: GuardLists::built_in().into(),
            typologies: TypologyList::built_in(),
            quarter_cap: Epsilon::from_nano(1),
            schedule: Schedule::default(),
            cases: CaseRules::default(),
            challenge: ChallengeRules::default(),
            version: "0",
            brake: None,
        };
        let (journal, views) = (self.journal(), AnyViews::in_memory());
        Node::open(identity, settings, roster, journal, views, now, &mut random::generator()).expect("opens")
    }
}
