//! `hushwire init`: a working node of a consortium of one, to try things out or to grow from.
//!
//! Made beside its final place and moved there whole: an interrupted run leaves no half of a node.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::app::cli::cert::issue_client;
use crate::app::cli::member::apply::Papers;
use crate::app::cli::member::card::{ENTRIES_PER_DAY, Wishes, card_of, own_pin};
use crate::app::cli::member::genesis::{Founding, prepare};
use crate::app::cli::member::invite::pack;
use crate::app::cli::member::join::{Entry, join};
use crate::app::cli::member::keygen::{Addresses, Holder, LOCAL_HOSTS, make_keys, write_configuration};
use crate::app::cli::member::sign::Document;
use crate::app::cli::sealing::PassphraseArgs;
use crate::app::cli::whole_folder::{WholeFolder, refuse_occupied};
use crate::app::config::PEER_PORT;
use crate::app::config::layout::NodeDir;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json, remark};
use crate::base::bytes::Sha256Digest;
use crate::base::name::{CallerName, ConsortiumId, GroupId, MemberId};
use crate::base::role::Role;
use crate::domain::audit::command::Command;
use crate::domain::roster::card::MemberCard;
use crate::domain::roster::member::{Endpoint, MemberName};
use crate::domain::roster::terms::{Admins, Limits};
use crate::io::certificate::LEAF_DAYS;
use crate::io::keystore::admin::AdminKey;
use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::store::Keystore;
use crate::io::{clock, random};

/// Days until the roster of one must be renewed, and as long the membership lasts.
const VALID_DAYS: u32 = 365;

/// Roles whose certificates a new node comes with.
const ROLES: [Role; 4] = [Role::Publisher, Role::Screener, Role::Auditor, Role::Operator];

/// Make a working node: keys, certificates, a roster with itself, a commented configuration
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire init --member bank-a --dir ./bank-a
  hushwire serve --config ./bank-a/hushwire.toml

The node is a consortium of its own: it publishes, screens and audits, with nobody to exchange with. To found one with \
others, or to join one, see hushwire member --help; this node's folder is then made by hushwire member keygen. \
The folder must be new or empty; a run that breaks off leaves nothing behind.")]
pub struct InitArgs {
    /// The member's id: lower-case letters, digits, . and -
    #[arg(long, value_name = "ID")]
    member: MemberId,
    /// Folder of the node; must be new or empty
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Id of the consortium, usually a domain name [default: MEMBER.hushwire.internal]
    #[arg(long, value_name = "ID")]
    consortium: Option<ConsortiumId>,
    /// The member's name on screens [default: its id]
    #[arg(long)]
    name: Option<MemberName>,
    #[command(flatten)]
    addresses: Addresses,
    /// Where other members find the peer listener [default: localhost, with the port of --peer]
    #[arg(long, value_name = "HOST:PORT")]
    endpoint: Option<Endpoint>,
    /// Host name or address under which the member's systems reach the node; may be repeated
    #[arg(long = "host", value_name = "HOST", default_values = LOCAL_HOSTS)]
    hosts: Vec<String>,
    /// Name on the client certificates
    #[arg(long, value_name = "NAME", default_value = "desk")]
    client_name: CallerName,
    #[command(flatten)]
    sealing: PassphraseArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: InitArgs) -> Result<Outcome, CliError> {
    args.addresses.check()?;
    refuse_occupied(&args.dir)?;
    // Before the folder: somebody who is asked for it may well leave with Ctrl-C.
    let passphrase = args.sealing.chosen()?;
    let folder = WholeFolder::begin(&args.dir, "init")?;
    let genesis = build(&args, &passphrase, &NodeDir::new(folder.path()))?;
    folder.put_in_place()?;
    report(&args, genesis)
}

/// Everything of the node in `node`; returns the genesis hash.
fn build(args: &InitArgs, passphrase: &Passphrase, node: &NodeDir) -> Result<Sha256Digest, CliError> {
    let (now, mut rng) = (clock::now(), random::generator());
    let work = args.sealing.work();
    let consortium = match &args.consortium {
        Some(consortium) => consortium.clone(),
        None => format!("{}.hushwire.internal", args.member)
            .parse()
            .map_err(|error| CliError::usage(format!("--consortium must be given: {error}")))?,
    };
    remark("making and sealing keys, which takes a few seconds on purpose");
    let holder = Holder { consortium: &consortium, member: &args.member, hosts: &args.hosts };
    make_keys(node, &holder, passphrase, work, now, &mut rng)?;
    let keystore = Keystore::read(&node.keystore(), passphrase)?;
    for role in ROLES {
        let folder = node.client(role.as_str(), args.client_name.as_str());
        issue_client(node, &keystore, role, &args.client_name, LEAF_DAYS, &folder, now)?;
    }

    let admin_name: GroupId = "owner".parse().map_err(|_| CliError::failed("the admin has no valid name"))?;
    let admin = AdminKey::generate(consortium.clone(), admin_name, &mut rng);
    admin.create(&node.path().join("admin.age"), passphrase, work)?;
    let signer = admin.signer()?;
    let wishes = Wishes {
        name: match &args.name {
            Some(name) => name.clone(),
            None => args.member.as_str().parse().map_err(|error| CliError::usage(format!("--name: {error}")))?,
        },
        endpoints: vec![endpoint(args)?],
        groups: vec!["all".parse().map_err(|_| CliError::failed("the group has no valid name"))?],
        entries_per_day: ENTRIES_PER_DAY,
        valid_days: VALID_DAYS,
    };
    let card = card_of(&keystore, own_pin(node)?, &wishes, None, now)?;
    let founding = Founding {
        consortium,
        cards: vec![MemberCard::verify(&card)?],
        admins: Admins { quorum: 1, keys: vec![signer.verifier().clone()] },
        limits: Limits::default(),
        valid_days: VALID_DAYS,
    };
    let prepared = prepare(&founding, now, &mut rng)?;
    let signed = |text: &str| Document::read(text)?.signed(&signer, now);
    let papers = Papers {
        rosters: vec![signed(&prepared.roster)?],
        bundles: prepared.bundles.iter().map(|(_, bundle)| signed(bundle)).collect::<Result<_, _>>()?,
    };
    let invitation = pack(Vec::new(), papers, now)?;
    let entry = Entry { invitation, genesis: prepared.sha256, passphrase, work };
    join(node, keystore, entry, now)?;

    write_configuration(node, &args.member, &args.addresses, args.sealing.source()?)?;
    // For its audit log, which tells of it at the first start.
    node.commands().leave(&Command::NodeMade { genesis: prepared.sha256 })?;
    Ok(prepared.sha256)
}

/// Where others find a node that was told no endpoint. A port that the system is to choose is not known yet.
fn endpoint(args: &InitArgs) -> Result<Endpoint, CliError> {
    if let Some(endpoint) = &args.endpoint {
        return Ok(endpoint.clone());
    }
    let port = Some(args.addresses.peer.port()).filter(|port| *port != 0).unwrap_or(PEER_PORT);
    format!("localhost:{port}").parse().map_err(|error| CliError::usage(format!("--endpoint must be given: {error}")))
}

fn report(args: &InitArgs, genesis: Sha256Digest) -> Result<Outcome, CliError> {
    let node = NodeDir::new(&args.dir);
    let config = node.config().display().to_string();
    if args.json {
        answer_json(&json!({
            "member": args.member.as_str(),
            "dir": args.dir.display().to_string(),
            "config": config,
            "genesis_sha256": genesis.to_string(),
            "local": args.addresses.local.to_string(),
            "peer": args.addresses.peer.to_string(),
        }))?;
        return Ok(Outcome::Done);
    }
    for line in [
        format!("{} is ready in {}", args.member, args.dir.display()),
        format!("  {config:<40} configuration, every key explained"),
        format!("  {:<40} all secrets of the node, sealed", node.keystore().display().to_string()),
        format!("  {:<40} signs the roster: keep it elsewhere", args.dir.join("admin.age").display().to_string()),
        format!("  {:<40} certificates of its callers, one a role", node.clients().display().to_string()),
        String::new(),
        "next:".to_owned(),
        format!("  hushwire doctor --config {config}"),
        format!("  hushwire serve --config {config}"),
        format!("  hushwire status --config {config}"),
    ] {
        answer(line)?;
    }
    Ok(Outcome::Done)
}
