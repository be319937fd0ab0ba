//! The commented configuration that `hushwire init` writes. Every key stands in it; a test holds that uncommenting all
//! of them changes nothing.

use std::net::SocketAddr;

use crate::base::name::MemberId;
use crate::io::keystore::passphrase::PassphraseSource;

/// What differs from node to node.
#[derive(Debug)]
pub struct Filling<'a> {
    pub member: &'a MemberId,
    pub local: SocketAddr,
    pub peer: SocketAddr,
    pub passphrase: &'a PassphraseSource,
}

/// The text of a new node's `hushwire.toml`.
pub fn render(filling: &Filling<'_>) -> String {
    TEMPLATE
        .replace("{member}", filling.member.as_str())
        .replace("{local}", &filling.local.to_string())
        .replace("{peer}", &filling.peer.to_string())
        .replace("{passphrase}", &toml::Value::String(filling.passphrase.to_string()).to_string())
}

const TEMPLATE: &str = r#"# Hushwire node of {member}.
#
# A commented key shows its default. Every key can be overridden by the environment: HUSHWIRE__FEED__WINDOW_MS=0
# overrides window_ms of [feed]. Relative paths start at the folder of this file. No secret stands here, only where to
# find it. `hushwire doctor --config THIS_FILE` checks all of it against the machine it runs on.

[node]
# Who this node speaks for: the member's id in the roster.
member = "{member}"
# Folder of keys, certificates, roster and stores.
# dir = "."

[local]
# Where the member's own systems connect. They show certificates of the member's own authority:
# hushwire cert issue ROLE NAME
listen = "{local}"
# Calls worked on at once; more are told to come back (RESOURCE_EXHAUSTED) instead of queueing without end.
# max_calls = 1024
# Let systems that cannot show a certificate connect and show a bearer token with each call: hushwire token issue. A token is
# as good as a password: whoever reads it once has it. Certificates stay the better way.
# tokens = false

[peer]
# Where other members' nodes connect. They show keys that the roster pins.
listen = "{peer}"

[keystore]
# The sealed file that holds every secret of the node.
# path = "keystore.age"
# Where its passphrase comes from: prompt, file:PATH, credential:NAME (systemd), env:NAME or fd:NUMBER. A prompt gives way
# to the environment variable HUSHWIRE_PASSPHRASE where that is set.
passphrase = {passphrase}

[feed]
# How long publications are gathered, shuffled and signed together, in milliseconds: 0 is fastest, more tells an
# observer less about which belong together. Retractions never wait.
# window_ms = 1000
# Seconds over which the identifiers of one call are published at random moments, where the caller does not say, so that
# they fall into different windows; at most 86400.
# spread_s = 0
# Where a publication must be durable before its caller is answered, where the caller does not say: "local" (on this node),
# "peer" (and on that of one other member), "quorum" (and on those of more than half of the others in the group). What is
# not reached in the time of the call, at most ten seconds, is told in the answer; the publication stands all the same.
# ack = "local"
# Entries every window is filled up to with decoys, which tell nobody anything; 0 for none. Needs a window of a minute at
# least. docs/window.md says what they hide from whom, and what they cost.
# decoys = 0

[screening]
# Documented test values force each decision. Never in production.
# sandbox = false
# Country of telephone numbers written without their country code, e.g. "DE". Without it they are refused.
# default_region = "DE"
# A peer's feed older than this is stale: what it says alone can hold, not block. The roster's limit where not given.
# freshness_limit_s = 300

[profiles]
# Learn what is usual for each of your own customers (countries, devices, amounts, how often), and tell what is not. Kept on this
# node under keyed names, told to no other member: docs/profiles.md.
# enabled = true
# Customers of whom profiles are kept, some 300 bytes of memory each; who was not seen for longest makes room.
# max_customers = 200000
# Days after which a customer who was not seen is forgotten.
# retention_days = 396
[late]
# Hours for which orders that passed are followed: what others say of them meanwhile is told as a late match. In memory only, a
# restart begins anew; 0 follows none. docs/late-match.md says what it holds.
# hours = 72
# Orders followed at once, some 2.6 KB each; beyond that the oldest leave.
# max_orders = 50000

[brake]
# Of a thousand of this node's own transactions of the last seven days, that an indicator may concern: an own publication beyond
# it is refused unless forced, one of another member is held back until people decide. docs/brake.md says how.
# refuse_per_mille = 10
# hold_per_mille = 10
# File of values you know to be good, one kind,value a line: own infrastructure, own test customers. Whoever flags one is held
# back at once. Read at start and when it changes, and never stored.
# canaries = "canaries.csv"

[audit]
# Screening records are written together after this many milliseconds at most.
# window_ms = 50

[cases]
# Hours until a case nobody decided on ends: held, challenged and blocked orders are worked as cases (docs/cases.md).
# hold_hours = 24
# What becomes of a held order then: "refuse" or "release". Refusing is the safe one: otherwise a fraudster only has to wait for
# the weekend to pass. What was blocked or challenged is refused in any case.
# hold_outcome = "refuse"
# Days a decided case is kept. The audit log tells of it longer.
# retention_days = 90

[challenge]
# Digits of a code sent to a customer, 6 to 8: docs/challenge.md.
# digits = 6
# What becomes of an order once the attempts of its challenge are used up: "hold", so that a person looks at it (genuine customers
# mistype, too), or "refuse".
# failed = "hold"
# Hours for which the policy may take into account that a customer passed a challenge; 0 forgets it at once.
# remembered_hours = 24

[statistics]
# Privacy loss of one release, where the caller does not say.
# epsilon = 0.1
# Privacy loss of all releases of one quarter. A release beyond it is refused.
# quarter_cap = 2.0
# Releases that the node draws and publishes by itself once a day or week (UTC) is over, one of each question: docs/statistics.md.
# Off, because every release tells the other members something and spends of the quarter: that is for you to decide.
# daily = false
# weekly = false
# Privacy loss of one day or one week, shared evenly by the questions. What the schedule still needs of a quarter is kept for it.
# daily_epsilon = 0.005
# weekly_epsilon = 0.1

[policy]
# Your own rules in place of those that ship: hushwire policy default > policy.toml, hushwire policy check policy.toml. A
# changed file comes into force within a second; one with a fault in it does not, and the one before it stays.
# file = "policy.toml"
# A second policy that decides nothing: hushwire policy status tells what it would have decided otherwise.
# candidate = "next.toml"
# Share of the transactions that the candidate is asked about, 0 to 1.
# candidate_share = 1.0

[guard]
# Folder of imported lists: hushwire guard import FILE
# dir = "guard"

[typology]
# Your own list of typologies in place of the one that ships (MITRE F3): one id, a tab and a name a line; # begins a comment.
# Publishing then takes its ids only; what others publish is read whatever it is called.
# file = "typology.tsv"

[advice]
# Folder of your own texts for customers: LANGUAGE.toml, each text in place of the one that ships. docs/advice.md
# folder = "advice"
# The language of customers whose own languages there is no text in.
# language = "en"

[storage]
# What is derived from the journal is kept in "sled" (on disk) or in "memory" (rebuilt at every start).
# views = "sled"
# A sealed snapshot of what screening reads, so that a restarted node answers checkouts before its store is open and verified.
# Until then it needs the memory for indicators twice.
# snapshot = true

[metrics]
# Where monitoring reads counts (/metrics) and a supervisor asks (/livez, /readyz), in plain HTTP. Nowhere unless given.
# docs/observability.md says what is told there.
# listen = "127.0.0.1:7442"
# Let it listen beyond this machine. Whoever reaches it reads how much is screened, stopped and published.
# danger_public = false

[console]
# Where people open the console in a browser, over HTTPS. Nowhere unless given. The first user is made on the command line:
# hushwire user add NAME --role operator; docs/console-access.md says how people sign in.
# listen = "127.0.0.1:7443"
# Its own certificate, chain first, and the private key, both PEM, where browsers should trust it without the member's own
# authority. The certificate of the local listener where not given.
# certificate = "tls/console.pem"
# key = "tls/console-key.pem"

[traces]
# An OpenTelemetry collector on this machine (OTLP over gRPC). No traces unless given.
# endpoint = "127.0.0.1:4317"
# Share of the calls whose caller does not decide by itself, 0 to 1.
# share = 0.01

[log]
# error, warn, info or debug.
# level = "info"
# text or json.
# format = "text"

# Decisions and alarms are posted to systems of your own, one of these tables for each: docs/webhooks.md. They stand last, and
# the environment overrides nothing in them.
# [[webhooks]]
# What it is called in the log, and by the file that keeps its place.
# name = "desk"
# https, or http on this machine.
# url = "https://desk.bank.example/hushwire"
# "decision" for all that stop an order, one of them by name as in "decision.block", "case" for what
# becomes of stopped orders or one of it as in "case.released", "late_match", "alarm", and "challenge.code" for the gateway that sends codes.
# events = ["decision", "alarm"]
# File of the secret that signs, whsec_ and base64; two lines while one takes over from the other.
# secret = "webhook.secret"
# Authorities that its certificate may come from, PEM. The system's where not given.
# authority = "desk-ca.pem"
"#;
