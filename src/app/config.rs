//! The configuration of a node: one TOML file, overridden key by key from the environment.
//!
//! [`Config::load`] reports every fault at once, each with its key and what would be right, so that a start fails once
//! and not once per mistake. Unknown sections, keys and overrides are refused: a misspelt limit must not be ignored.

pub mod answered;
mod changed;
pub mod console;
pub mod layout;
pub mod reader;
pub mod template;
pub mod values;
pub mod webhooks;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::app::config::answered::{BrakeConfig, LateConfig};
use crate::app::config::console::ConsoleConfig;
use crate::app::config::layout::NodeDir;
use crate::app::config::reader::{Environment, Fault, PREFIX, Reader};
use crate::app::config::values::{FailedChallenge, LogFormat, LogLevel, ViewsBackend};
use crate::app::config::webhooks::WebhookConfig;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::domain::case::challenge::ChallengeRules;
use crate::domain::case::rules::{CaseRules, HoldOutcome};
use crate::domain::identifier::Region2;
use crate::domain::screening::language::LanguageTag;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::schedule::Schedule;
use crate::io::folder::folder_of;
use crate::io::keystore::passphrase::PassphraseSource;
use crate::io::profiles::ProfileBounds;
use crate::node::copies::Ack;

/// Bytes of a configuration file; the commented template has 3 KB.
const FILE_BYTES: u64 = 1024 * 1024;

/// A checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where it was read from.
    pub file: PathBuf,
    /// Who this node speaks for.
    pub member: MemberId,
    pub dir: NodeDir,
    /// Where the member's own systems connect.
    pub local_listen: SocketAddr,
    /// Calls of the member's own systems worked on at once.
    pub local_calls: usize,
    /// Whether a token opens the local listener to who has no certificate.
    pub local_tokens: bool,
    /// Where other members' nodes connect.
    pub peer_listen: SocketAddr,
    pub keystore: PathBuf,
    pub passphrase: PassphraseSource,
    pub feed: FeedConfig,
    pub screening: ScreeningConfig,
    pub late: LateConfig,
    pub brake: BrakeConfig,
    /// Longest wait of a screening record before it is written, milliseconds.
    pub audit_window_ms: u64,
    pub cases: CaseRules,
    pub challenge: ChallengeRules,
    pub statistics: StatisticsConfig,
    pub policy: PolicyConfig,
    /// Folder of imported guard lists.
    pub guard_dir: PathBuf,
    /// The member's own list of typologies; the one that ships where none.
    pub typology_file: Option<PathBuf>,
    pub advice: AdviceConfig,
    pub views: ViewsBackend,
    /// Where monitoring reads counts and probes ask; nowhere where none.
    pub metrics_listen: Option<SocketAddr>,
    pub traces: TracesConfig,
    /// Where people open the console; nowhere where none.
    pub console: Option<ConsoleConfig>,
    /// Whether belief is kept in a snapshot too, so that a start answers checkouts at once.
    pub snapshot: bool,
    pub log_level: LogLevel,
    pub log_format: LogFormat,
    /// None where no profiles are kept.
    pub profiles: Option<ProfileBounds>,
    pub webhooks: Vec<WebhookConfig>,
}

/// How this node publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedConfig {
    /// How long publications are gathered before they are sequenced, milliseconds.
    pub window_ms: u64,
    /// Where publications must be durable before their caller is answered, where it does not say.
    pub ack: Ack,
    /// Seconds over which the identifiers of one call are spread, where its caller does not say.
    pub spread_s: u32,
    /// Indicators every window is filled up to with decoys; 0 makes none.
    pub decoys: usize,
}

/// How this node screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreeningConfig {
    /// Whether the documented test values force decisions.
    pub sandbox: bool,
    /// Country of telephone numbers without a country code.
    pub default_region: Option<Region2>,
    /// Age from which a peer's feed is stale, seconds; the roster's limit where none.
    pub freshness_limit_s: Option<u64>,
}

/// What customers are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdviceConfig {
    /// Folder of the member's own texts; those that ship alone where none.
    pub folder: Option<PathBuf>,
    /// The language of customers whose languages there is nothing in.
    pub language: LanguageTag,
}

/// By which policies this node decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyConfig {
    /// The member's own; the one that ships where none.
    pub file: Option<PathBuf>,
    /// A second one that is only asked what it would decide.
    pub candidate: Option<PathBuf>,
    /// Of the transactions the candidate is asked about, billionths.
    pub candidate_share_nano: u32,
}

/// How much privacy loss this node allows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatisticsConfig {
    /// Of one release, billionths.
    pub epsilon_nano: u64,
    /// Of one quarter, billionths.
    pub quarter_cap_nano: u64,
    /// What is released without anybody asking.
    pub schedule: Schedule,
}

/// Which calls are traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracesConfig {
    /// The collector on this machine; no traces where none.
    pub endpoint: Option<SocketAddr>,
    /// Of the calls whose caller does not decide, billionths.
    pub share_nano: u32,
}

impl TracesConfig {
    /// 0 to 1.
    pub fn share(&self) -> f64 {
        f64::from(self.share_nano) / 1e9
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("configuration {} cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("configuration {} is not valid TOML at line {line}, column {column}: {reason}", path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, reason: String },
    #[error("configuration {} has {} fault{}:{}", path.display(), faults.len(), if faults.len() == 1 { "" } else { "s" }, listed(faults))]
    Faults { path: PathBuf, faults: Vec<Fault> },
}

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

impl Config {
    /// Reads `path` and the process's environment.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path)?;
        Self::parse(&text, path, folder_of(path), process_environment())
    }

    /// Checks `text`; relative paths in it start at `base`, `path` is only for messages.
    pub fn parse(text: &str, path: &Path, base: &Path, environment: Environment) -> Result<Self, ConfigError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let table = text.parse().map_err(|error| syntax_error(path, text, &error))?;
        let mut reader = Reader::new(table, environment);
        let config = read_all(&mut reader, path, base);
        match (config, reader.finish()) {
            (Some(config), Ok(())) => Ok(config),
            (_, Err(faults)) => Err(ConfigError::Faults { path: path.to_owned(), faults }),
            (None, Ok(())) => unreachable!("a missing required key is a fault"),
        }
    }
}

/// None where a required key is missing, which the reader has noted as a fault.
fn read_all(reader: &mut Reader, path: &Path, base: &Path) -> Option<Config> {
    let member =
        reader.required("node.member", "the member's id, e.g. \"bank-a\": lower-case letters, digits, . and -");
    let dir = base.join(reader.optional::<PathBuf>("node.dir", "a path").unwrap_or_default());
    let dir = NodeDir::new(if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir });

    let address = "an IP address with port, e.g. \"127.0.0.1:7440\"";
    let local_listen =
        reader.optional("local.listen", address).unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, LOCAL_PORT)));
    let peer_listen =
        reader.optional("peer.listen", address).unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, PEER_PORT)));
    if local_listen == peer_listen && local_listen.port() != 0 {
        reader.fault("peer.listen", "must differ from local.listen: the two listeners share no trust");
    }

    let calls = reader.integer("local.max_calls", 1..=65_536, u64::try_from(limits::CALLS_LOCAL).unwrap_or(u64::MAX));
    let local_calls = usize::try_from(calls).expect("the reader's range fits");

    let local_tokens = reader.flag("local.tokens", false);
    let keystore = path_in(reader, "keystore.path", &dir, dir.keystore());
    let passphrase =
        reader.optional("keystore.passphrase", PassphraseSource::FORMS).unwrap_or(PassphraseSource::Prompt);

    let decoys = reader.integer("feed.decoys", 0..=limits::DECOYS_PER_WINDOW, 0);
    let feed = FeedConfig {
        window_ms: reader.integer("feed.window_ms", 0..=3_600_000, 1000),
        ack: reader.optional("feed.ack", "\"local\", \"peer\" or \"quorum\"").unwrap_or(Ack::Local),
        spread_s: u32::try_from(reader.integer("feed.spread_s", 0..=u64::from(limits::SPREAD_S), 0))
            .expect("the reader's range fits"),
        decoys: usize::try_from(decoys).expect("the reader's range fits"),
    };
    if feed.decoys > 0 && feed.window_ms < limits::DECOY_WINDOW_MS {
        reader.fault(
            "feed.decoys",
            "needs a feed.window_ms of 60000 at least: every window is filled up to so many entries",
        );
    }
    let limit_s = reader.integer("screening.freshness_limit_s", 1..=604_800, 0);
    let screening = ScreeningConfig {
        sandbox: reader.flag("screening.sandbox", false),
        default_region: reader.optional("screening.default_region", "two capital letters (ISO 3166-1), e.g. \"DE\""),
        freshness_limit_s: (limit_s != 0).then_some(limit_s),
    };
    let late = LateConfig::read(reader);
    let brake = BrakeConfig::read(reader, &dir);
    let audit_window_ms = reader.integer("audit.window_ms", 0..=10_000, 50);
    let retention_days = reader.integer("cases.retention_days", 7..=3_650, 90);
    let cases = CaseRules {
        hold_hours: reader.integer("cases.hold_hours", 1..=720, 24),
        hold_outcome: reader.optional("cases.hold_outcome", "\"refuse\" or \"release\"").unwrap_or(HoldOutcome::Refuse),
        retention_days: u32::try_from(retention_days).expect("the reader's range fits"),
    };
    let digits = reader.integer("challenge.digits", 6..=8, 6);
    let challenge = ChallengeRules {
        digits: u32::try_from(digits).expect("the reader's range fits"),
        refuse_failed: reader.optional::<FailedChallenge>("challenge.failed", "\"hold\" or \"refuse\"")
            == Some(FailedChallenge::Refuse),
        remembered_hours: reader.integer("challenge.remembered_hours", 0..=720, 24),
    };
    let statistics = read_statistics(reader);
    let in_dir = |file: PathBuf| dir.path().join(file);
    let share_nano = reader.billionths("policy.candidate_share", 0.0..=1.0, 1_000_000_000);
    let policy = PolicyConfig {
        file: reader.optional("policy.file", "a path").map(in_dir),
        candidate: reader.optional("policy.candidate", "a path").map(in_dir),
        candidate_share_nano: u32::try_from(share_nano).expect("the reader's range fits"),
    };
    let guard_dir = path_in(reader, "guard.dir", &dir, dir.guard());
    let typology_file = reader.optional::<PathBuf>("typology.file", "a path").map(|file| dir.path().join(file));
    let advice = AdviceConfig {
        folder: reader.optional::<PathBuf>("advice.folder", "a path").map(|folder| dir.path().join(folder)),
        language: reader
            .optional("advice.language", "a language tag, e.g. \"de\" or \"pt-BR\"")
            .unwrap_or_else(LanguageTag::english),
    };
    let views = reader.optional("storage.views", "\"sled\" or \"memory\"").unwrap_or(ViewsBackend::Sled);
    let metrics_listen = reader.optional("metrics.listen", "an IP address with port, e.g. \"127.0.0.1:7442\"");
    check_metrics(reader, metrics_listen, [local_listen, peer_listen]);
    let console = console::read(reader, &dir, [Some(local_listen), Some(peer_listen), metrics_listen]);
    let share_nano = reader.billionths("traces.share", 0.0..=1.0, 10_000_000);
    let traces = TracesConfig {
        endpoint: reader.optional("traces.endpoint", "an IP address with port, e.g. \"127.0.0.1:4317\""),
        share_nano: u32::try_from(share_nano).expect("the reader's range fits"),
    };
    if traces.endpoint.is_some_and(|endpoint| !endpoint.ip().is_loopback()) {
        let rule =
            "must be a loopback address: spans go in plain HTTP/2 to a collector on this machine, which passes them on";
        reader.fault("traces.endpoint", rule);
    }
    let snapshot = reader.flag("storage.snapshot", true);
    let log_level = reader.optional("log.level", "error, warn, info or debug").unwrap_or(LogLevel::Info);
    let log_format = reader.optional("log.format", "text or json").unwrap_or(LogFormat::Text);
    let profiles = read_profiles(reader);
    let webhooks = webhooks::read(reader, &dir);
    Some(Config {
        file: path.to_owned(),
        member: member?,
        dir,
        local_listen,
        local_calls,
        local_tokens,
        peer_listen,
        keystore,
        passphrase,
        feed,
        screening,
        late,
        brake,
        audit_window_ms,
        cases,
        challenge,
        statistics,
        policy,
        guard_dir,
        typology_file,
        advice,
        views,
        metrics_listen,
        traces,
        console,
        snapshot,
        log_level,
        log_format,
        profiles,
        webhooks,
    })
}

fn read_statistics(reader: &mut Reader) -> StatisticsConfig {
    let (daily, weekly) = (reader.flag("statistics.daily", false), reader.flag("statistics.weekly", false));
    // A release of one of five questions costs a thousandth at least.
    let daily_nano = reader.billionths("statistics.daily_epsilon", 0.005..=10.0, 5_000_000);
    let weekly_nano = reader.billionths("statistics.weekly_epsilon", 0.005..=10.0, 100_000_000);
    let statistics = StatisticsConfig {
        epsilon_nano: reader.billionths("statistics.epsilon", 0.001..=10.0, 100_000_000),
        quarter_cap_nano: reader.billionths("statistics.quarter_cap", 0.001..=100.0, 2_000_000_000),
        schedule: Schedule {
            daily: daily.then_some(Epsilon::from_nano(daily_nano)),
            weekly: weekly.then_some(Epsilon::from_nano(weekly_nano)),
        },
    };
    if statistics.epsilon_nano > statistics.quarter_cap_nano {
        reader.fault("statistics.epsilon", "must not exceed statistics.quarter_cap: no release could ever be made");
    }
    if statistics.schedule.cost_of_quarter().nano() > statistics.quarter_cap_nano {
        let rule = "must hold what the schedule costs: 92 times statistics.daily_epsilon and 14 times statistics.weekly_epsilon, as \
                    far as they are on";
        reader.fault("statistics.quarter_cap", rule);
    }
    statistics
}

fn read_profiles(reader: &mut Reader) -> Option<ProfileBounds> {
    let enabled = reader.flag("profiles.enabled", true);
    let most = limits::decisions::PROFILE_CUSTOMERS_MOST;
    let customers = reader.integer("profiles.max_customers", 1_000..=most, limits::decisions::PROFILE_CUSTOMERS);
    let kept = limits::decisions::PROFILE_RETENTION_DAYS;
    let days = reader.integer("profiles.retention_days", 1..=3_653, kept.into());
    let customers = usize::try_from(customers).expect("the reader's range fits");
    let retention_days = u32::try_from(days).expect("the reader's range fits");
    enabled.then_some(ProfileBounds { customers, retention_days })
}

/// Plain HTTP without a key: what listens beyond this machine was meant to.
fn check_metrics(reader: &mut Reader, listen: Option<SocketAddr>, others: [SocketAddr; 2]) {
    let danger_public = reader.flag("metrics.danger_public", false);
    let Some(listen) = listen else { return };
    if !listen.ip().is_loopback() && !danger_public {
        let rule = "must be a loopback address: it speaks plain HTTP to whoever connects; where a firewall stands before it, \
                    set metrics.danger_public = true";
        reader.fault("metrics.listen", rule);
    }
    if listen.port() != 0 && others.contains(&listen) {
        reader.fault("metrics.listen", "must differ from local.listen and peer.listen");
    }
}

/// Port of the local listener where none is configured.
pub const LOCAL_PORT: u16 = 7440;

/// Port of the peer listener where none is configured.
pub const PEER_PORT: u16 = 7441;

fn path_in(reader: &mut Reader, key: &'static str, dir: &NodeDir, default: PathBuf) -> PathBuf {
    reader.optional::<PathBuf>(key, "a path").map_or(default, |path| dir.path().join(path))
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable { path: path.to_owned(), reason };
    let length = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if length > FILE_BYTES {
        return Err(unreadable(format!("{length} bytes exceed the limit of {FILE_BYTES}")));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        unreadable(format!("line {} is not UTF-8", line_of(valid)))
    })
}

/// One-based line on which the byte after `before` stands.
fn line_of(before: &[u8]) -> usize {
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The parser's own message quotes the line, which may hold a secret: only place and reason are kept.
fn syntax_error(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    let reason = error.message().lines().next().unwrap_or("").to_owned();
    ConfigError::Syntax { path: path.to_owned(), line: line_of(before.as_bytes()), column, reason }
}

fn process_environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok())))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect()
}

#[cfg(test)]
mod tests;
