//! The tokens of a node: their files, `access/tokens/NAME.json`, and the live table that calls are held against.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::io::access::folder::{damaged, files};
use crate::io::access::names::GivenNames;
use crate::io::access::token::{Token, TokenName, TokenRecord};
use crate::io::clock;
use crate::io::keystore::file::{FileError, Readers, create, read, write};
use crate::io::transport::caller::LocalCaller;
use crate::io::transport::proof::{Proofs, Running};
use crate::node::local_mac::LocalMacKey;

/// The folder of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFiles {
    folder: PathBuf,
    names: GivenNames,
}

/// What the files say of tokens that count.
#[derive(Debug, Default)]
pub struct Loaded {
    pub records: Vec<TokenRecord>,
    /// Files that could not be read now: what their tokens are is not known, which ends none of them.
    pub unread: Vec<FileError>,
}

impl TokenFiles {
    pub(super) fn new(folder: PathBuf, names: GivenNames) -> Self {
        Self { folder, names }
    }

    fn path(&self, name: &TokenName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    /// Keeps a new one. A name is given once: the audit log tells tokens apart by it.
    pub fn keep(&self, record: &TokenRecord, key: &LocalMacKey) -> Result<(), FileError> {
        let kept = files(&self.folder)?;
        if kept.len() >= limits::ACCESS_FILES {
            return Err(damaged(
                &self.folder,
                "holds as many tokens as a node keeps: remove files of those that have ended",
            ));
        }
        std::fs::create_dir_all(&self.folder).map_err(|reason| FileError { path: self.folder.clone(), reason })?;
        let older: Vec<String> = kept.iter().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
        self.names.give(record.name.as_str(), &older)?;
        create(&self.path(&record.name), &record.write(key), Readers::Owner)
    }

    /// Ends one before its time.
    pub fn revoke(&self, name: &TokenName, now: Timestamp) -> Result<(), FileError> {
        let path = self.path(name);
        let revoked = TokenRecord::revoke(&read(&path)?, now).ok_or_else(|| damaged(&path, "is no token"))?;
        write(&path, &revoked, Readers::Owner)
    }

    /// What the files say, without the node's key.
    pub fn list(&self) -> Result<Vec<TokenRecord>, FileError> {
        let read = |path: PathBuf| {
            let record = TokenRecord::read_unchecked(&read(&path)?);
            record.map(|(record, _)| record).ok_or_else(|| damaged(&path, "is no token"))
        };
        files(&self.folder)?.into_iter().map(read).collect()
    }

    /// Those that count. A file that is none of this node's is passed over: its token opens nothing.
    pub fn load(&self, key: &LocalMacKey) -> Result<Loaded, FileError> {
        let mut loaded = Loaded::default();
        for path in files(&self.folder)? {
            match read(&path).map(|content| TokenRecord::read(&content, key)) {
                Ok(Some(record)) => loaded.records.push(record),
                Ok(None) => tracing::warn!(event = "token.unread", file = %path.display()),
                // Removed since the folder was looked at.
                Err(gone) if gone.reason.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(event = "token.unread", file = %path.display(), error = %error);
                    loaded.unread.push(error);
                }
            }
        }
        Ok(loaded)
    }
}

/// The live table. Readers never wait.
#[derive(Debug)]
pub struct TokenRegistry {
    member: MemberId,
    records: ArcSwap<Vec<Arc<TokenRecord>>>,
    version: watch::Sender<u64>,
}

/// A call that came with a token: what it may do, and until when. Stands on the request beside its caller.
#[derive(Debug, Clone)]
pub struct Grant {
    record: Arc<TokenRecord>,
    registry: Arc<TokenRegistry>,
    /// Keeps the connection it came on open for as long as the call or its answer runs.
    _running: Option<Arc<Running>>,
}

impl Grant {
    pub fn covers(&self, method: &str) -> bool {
        self.record.scope.covers(method)
    }

    /// Whether the token has ended or was revoked since the head of the call came.
    pub fn has_ended(&self) -> bool {
        self.record.expires <= clock::now() || !self.registry.holds(&self.record)
    }

    /// Returns once the token has ended or is revoked: running calls and answers end then.
    pub async fn ended(&self) {
        let mut version = self.registry.version.subscribe();
        loop {
            if self.has_ended() {
                return;
            }
            let left_ms = self.record.expires.ms_since(clock::now());
            tokio::select! {
                () = sleep(Duration::from_millis(left_ms)) => {}
                changed = version.changed() => changed.expect("the grant holds the registry, and it the sender"),
            }
        }
    }
}

/// Why nobody is known to be calling. Stands on the request in the caller's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproved {
    pub reason: Unknown,
    /// Who it would be, where that is known.
    pub caller: Option<LocalCaller>,
}

/// The rule that what was shown broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    Missing,
    Repeated,
    Malformed,
    NoSuch,
    Expired,
    Revoked,
    /// Both a certificate and a token: which one calls would be a guess.
    Two,
}

impl Unknown {
    /// Stable name and text.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("NO_TOKEN", "show a client certificate, or a token as authorization: Bearer TOKEN"),
            Self::Repeated => ("REPEATED_TOKEN", "more than one authorization header came"),
            Self::Malformed => {
                ("MALFORMED_TOKEN", "the authorization header is not Bearer and one token of this program")
            }
            Self::NoSuch => ("UNKNOWN_TOKEN", "this node issued no such token"),
            Self::Expired => ("EXPIRED_TOKEN", "the token has ended: ask for a new one"),
            Self::Revoked => ("REVOKED_TOKEN", "the token was revoked"),
            Self::Two => ("TWO_CALLERS", "both a certificate and a token came: show one of them"),
        }
    }
}

impl TokenRegistry {
    pub fn new(member: MemberId, loaded: Loaded) -> Self {
        let records = loaded.records.into_iter().map(Arc::new).collect();
        Self { member, records: ArcSwap::from_pointee(records), version: watch::Sender::new(0) }
    }

    /// Puts what the files say now in force. A token whose file could not be read is what it was.
    pub fn replace(&self, loaded: &Loaded) {
        let Loaded { records, unread } = loaded;
        let is_unread = |record: &Arc<TokenRecord>| {
            unread.iter().any(|file| file.path.file_stem().is_some_and(|stem| stem == record.name.as_str()))
        };
        let kept: Vec<_> = self.records.load().iter().filter(|record| is_unread(record)).cloned().collect();
        // The table first: whoever is woken by the version must find it.
        self.records.store(Arc::new(records.iter().cloned().map(Arc::new).chain(kept).collect()));
        self.version.send_modify(|version| *version = version.wrapping_add(1));
    }

    fn holds(&self, record: &TokenRecord) -> bool {
        self.records.load().iter().any(|held| held.hash == record.hash && held.revoked.is_none())
    }

    /// Puts on a request who calls: the holder of its certificate or of its token, or why it is nobody. The token goes no
    /// further than this.
    pub fn identify<B>(self: &Arc<Self>, request: &mut Request<B>, now: Timestamp) {
        let certified = request.extensions().get::<LocalCaller>().cloned();
        let shown = self.shown(request.headers(), now);
        request.headers_mut().remove(AUTHORIZATION);
        let unproved = match (certified, shown) {
            (Some(_), Err(Unproved { reason: Unknown::Missing, .. })) => return,
            (Some(caller), _) => {
                request.extensions_mut().remove::<LocalCaller>();
                Unproved { reason: Unknown::Two, caller: Some(caller) }
            }
            (None, Ok(record)) => {
                request.extensions_mut().insert(self.caller(&record));
                let running = request.extensions().get::<Proofs>().map(|proofs| Arc::new(proofs.begin()));
                let grant = Grant { record, registry: Arc::clone(self), _running: running };
                request.extensions_mut().insert(grant);
                return;
            }
            (None, Err(unproved)) => unproved,
        };
        request.extensions_mut().insert(unproved);
    }

    fn shown(&self, headers: &HeaderMap, now: Timestamp) -> Result<Arc<TokenRecord>, Unproved> {
        let nobody = |reason| Unproved { reason, caller: None };
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let first = given.next().ok_or(nobody(Unknown::Missing))?.as_bytes();
        if given.next().is_some() {
            return Err(nobody(Unknown::Repeated));
        }
        // The scheme in any case, then one space (RFC 6750 §2.1). Only a token has its length: nothing longer is looked at.
        let (scheme, token) = first.split_at_checked(7).ok_or(nobody(Unknown::Malformed))?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return Err(nobody(Unknown::Malformed));
        }
        let hash = Token::parse(token).map_err(|_| nobody(Unknown::Malformed))?.hash();
        let records = self.records.load();
        // Every record is looked at: how long it takes tells nothing of how much of a hash was right.
        let mut found = None;
        for record in records.iter() {
            if bool::from(record.hash.0.ct_eq(&hash.0)) {
                found = Some(record);
            }
        }
        let record = found.ok_or(nobody(Unknown::NoSuch))?;
        let known = |reason| Unproved { reason, caller: Some(self.caller(record)) };
        if record.revoked.is_some() {
            return Err(known(Unknown::Revoked));
        }
        if record.expires <= now {
            return Err(known(Unknown::Expired));
        }
        Ok(Arc::clone(record))
    }

    fn caller(&self, record: &TokenRecord) -> LocalCaller {
        LocalCaller { member: self.member.clone(), role: record.role, name: record.name.caller().clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::role::Role;
    use crate::base::secret::SecretBytes;
    use crate::io::access::folder::AccessFolder;
    use crate::io::access::token::Scope;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_305_600);

    fn record(name: &str, token: &Token) -> TokenRecord {
        TokenRecord {
            name: name.parse().expect("valid"),
            role: Role::Screener,
            scope: Scope::Role,
            issued: NOW,
            expires: NOW.plus_s(60),
            hash: token.hash(),
            revoked: None,
        }
    }

    fn loaded(records: Vec<TokenRecord>) -> Loaded {
        Loaded { records, unread: Vec::new() }
    }

    fn registry(records: Vec<TokenRecord>) -> Arc<TokenRegistry> {
        Arc::new(TokenRegistry::new("bank-a".parse().expect("valid"), loaded(records)))
    }

    fn request(headers: &[&str]) -> Request<()> {
        let mut request = Request::new(());
        for value in headers {
            request.headers_mut().append(AUTHORIZATION, value.parse().expect("ASCII"));
        }
        request
    }

    #[test]
    fn a_call_is_its_tokens_or_nobodys_with_the_reason() {
        let tokens = [(); 4].map(|()| Token::generate());
        let [good, ended, revoked, unheard] = &tokens;
        let ended = (TokenRecord { expires: NOW, ..record("ended", ended) }, ended);
        let revoked = (TokenRecord { revoked: Some(NOW), ..record("revoked", revoked) }, revoked);
        let registry = registry(vec![record("good", good), ended.0, revoked.0]);
        let check = |headers: &[&str], reason: Option<Unknown>, caller: Option<&str>| {
            let mut request = request(headers);
            registry.identify(&mut request, NOW);
            assert!(!request.headers().contains_key(AUTHORIZATION), "no handler sees a token");
            let found = request.extensions().get::<Unproved>();
            assert_eq!(found.map(|unproved| unproved.reason), reason, "{}", headers.len());
            let known = found.and_then(|unproved| unproved.caller.clone());
            let known = known.or_else(|| request.extensions().get::<LocalCaller>().cloned());
            assert_eq!(known.map(|caller| caller.uri()).as_deref(), caller);
            assert_eq!(request.extensions().get::<Grant>().is_some(), reason.is_none());
        };
        let bearer = |token: &Token| format!("Bearer {}", token.reveal().as_str());
        let good = bearer(good);
        check(&[&good], None, Some("hushwire://bank-a/screener/token.good"));
        check(&[&good.replacen("Bearer", "bEARER", 1)], None, Some("hushwire://bank-a/screener/token.good"));
        check(&[], Some(Unknown::Missing), None);
        check(&[&good, &good], Some(Unknown::Repeated), None);
        check(&[&format!("{good}, {good}")], Some(Unknown::Malformed), None);
        check(&[""], Some(Unknown::Malformed), None);
        check(&["Bearer "], Some(Unknown::Malformed), None);
        check(&[&good.replacen("Bearer ", "Bearer  ", 1)], Some(Unknown::Malformed), None);
        check(&[&good.replacen("Bearer", "Basic", 1)], Some(Unknown::Malformed), None);
        check(&[&format!("Bearer {}", "a".repeat(10_000))], Some(Unknown::Malformed), None);
        check(&[&bearer(unheard)], Some(Unknown::NoSuch), None);
        check(&[&bearer(ended.1)], Some(Unknown::Expired), Some("hushwire://bank-a/screener/token.ended"));
        check(&[&bearer(revoked.1)], Some(Unknown::Revoked), Some("hushwire://bank-a/screener/token.revoked"));
    }

    #[test]
    fn a_certificate_alone_says_who_calls_and_beside_a_token_nobody_does() {
        let token = Token::generate();
        let registry = registry(vec![record("good", &token)]);
        let ann = LocalCaller::from_uri("hushwire://bank-a/operator/ann").expect("valid");
        let mut alone = request(&[]);
        alone.extensions_mut().insert(ann.clone());
        registry.identify(&mut alone, NOW);
        assert_eq!(alone.extensions().get(), Some(&ann));
        for header in [format!("Bearer {}", token.reveal().as_str()), "Bearer x".to_owned()] {
            let mut both = request(&[&header]);
            both.extensions_mut().insert(ann.clone());
            registry.identify(&mut both, NOW);
            assert_eq!(both.extensions().get::<LocalCaller>(), None);
            let expected = Unproved { reason: Unknown::Two, caller: Some(ann.clone()) };
            assert_eq!(both.extensions().get(), Some(&expected));
        }
    }

    #[tokio::test]
    async fn a_grant_ends_with_its_token_and_not_with_another() {
        let (token, other) = (Token::generate(), Token::generate());
        let lasting =
            |name: &str, token: &Token| TokenRecord { expires: clock::now().plus_s(60), ..record(name, token) };
        let (mine, others) = (lasting("mine", &token), lasting("other", &other));
        let registry = registry(vec![mine.clone(), others.clone()]);
        let grant = |record: &TokenRecord| Grant {
            record: Arc::new(record.clone()),
            registry: Arc::clone(&registry),
            _running: None,
        };
        let waiting = tokio::spawn({
            let grant = grant(&mine);
            async move { grant.ended().await }
        });
        tokio::task::yield_now().await;
        registry.replace(&loaded(vec![mine.clone()]));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        registry.replace(&loaded(vec![TokenRecord { revoked: Some(NOW), ..mine.clone() }, others]));
        waiting.await.expect("ends");
        registry.replace(&loaded(vec![mine.clone()]));
        grant(&TokenRecord { expires: clock::now().plus_ms(30), ..mine }).ended().await;
    }

    #[test]
    fn a_name_is_given_once_and_what_is_kept_holds_no_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = AccessFolder::new(folder.path().to_owned()).tokens();
        let key = LocalMacKey::new(&SecretBytes::new([7; 32]));
        let token = Token::generate();
        let record = record("shop", &token);
        assert_eq!(files.load(&key).expect("none").records, []);
        files.keep(&record, &key).expect("kept");
        assert!(files.keep(&record, &key).is_err(), "a second of this name");
        files.revoke(&record.name, NOW).expect("revoked");
        assert!(files.keep(&record, &key).is_err(), "not even after the first has ended");
        assert!(files.revoke(&"other".parse().expect("valid"), NOW).is_err());
        std::fs::write(folder.path().join("tokens/forged.json"), "{}").expect("written");
        let loaded = files.load(&key).expect("the forged one is passed over");
        assert_eq!(loaded.records, [TokenRecord { revoked: Some(NOW), ..record.clone() }]);
        let content = std::fs::read_to_string(folder.path().join("tokens/shop.json")).expect("kept");
        assert!(!content.contains(&token.reveal()[9..]), "{content}");
        std::fs::remove_file(folder.path().join("tokens/shop.json")).expect("removed, as one that ended");
        assert!(files.keep(&record, &key).is_err(), "not even after its file is gone");
    }

    #[test]
    fn a_token_whose_file_cannot_be_read_now_is_what_it_was_and_one_whose_file_is_gone_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = AccessFolder::new(folder.path().to_owned()).tokens();
        let key = LocalMacKey::new(&SecretBytes::new([7; 32]));
        let [shop, desk] = ["shop", "desk"].map(|name| record(name, &Token::generate()));
        for record in [&shop, &desk] {
            files.keep(record, &key).expect("kept");
        }
        let registry = TokenRegistry::new("bank-a".parse().expect("valid"), files.load(&key).expect("both"));
        // A folder in its place reads as an error to everybody, root too.
        let place = folder.path().join("tokens/shop.json");
        std::fs::remove_file(&place).expect("there");
        std::fs::create_dir(&place).expect("made");
        std::fs::remove_file(folder.path().join("tokens/desk.json")).expect("there");
        let loaded = files.load(&key).expect("what can be read");
        assert_eq!((loaded.records.len(), loaded.unread.len()), (0, 1));
        registry.replace(&loaded);
        assert!(registry.holds(&shop) && !registry.holds(&desk));
        std::fs::remove_dir(&place).expect("there");
        registry.replace(&files.load(&key).expect("none"));
        assert!(!registry.holds(&shop));
    }
}
