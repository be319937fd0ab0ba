//! `hushwire member …`: found a consortium, join one, change its roster. Everything happens on files, offline; how they
//! travel between the institutions does not matter, since each is signed or sealed.

pub mod apply;
pub mod card;
pub mod changes;
pub mod difference;
pub mod founding;
pub mod genesis;
pub mod invite;
pub mod join;
pub mod keygen;
pub mod limit;
pub mod propose;
pub mod roster;
pub mod sign;

use clap::{Args, Subcommand};

use crate::app::outcome::{CliError, Outcome};

const SEQUENCE: &str = "\
Founding a consortium of two and joining a third, by files only (docs/consortium.md has every step with its reason):

  each admin     hushwire key admin anna --consortium demo.example --out anna.age
  each member    hushwire member keygen --dir bank-a --consortium demo.example --member bank-a
                 hushwire member card --dir bank-a --name \"Bank A\" --endpoint HOST:7441 \\
                     --out bank-a.card
  one of them    hushwire member genesis --consortium demo.example --card bank-a.card \\
                     --card bank-b.card --admin ANNAS_KEY --admin BENS_KEY --quorum 2 --out genesis
  every admin    hushwire member sign genesis/* --admin anna.age
  one of them    hushwire member invite --out founders.invitation genesis/*
  each member    hushwire member join founders.invitation --dir bank-a --genesis HASH
                 (HASH is read out over the phone)

  a member       hushwire member propose --dir bank-a --add shop.card --out shop-joins
  the quorum     hushwire member sign shop-joins/* --admin anna.age                     (then ben)
  each member    hushwire member apply --dir bank-a shop-joins/*
  a member       hushwire member invite --dir bank-a --out shop.invitation shop-joins/*
  the newcomer   hushwire member join shop.invitation --dir shop --genesis HASH";

/// Found, join and change a consortium.
#[derive(Debug, Args)]
#[command(after_help = SEQUENCE)]
pub struct MemberArgs {
    #[command(subcommand)]
    command: MemberCommand,
}

#[derive(Debug, Subcommand)]
enum MemberCommand {
    /// Make a node's keys and certificates.
    Keygen(keygen::KeygenArgs),
    /// Write the card that tells the admins this member's public keys.
    Card(card::CardArgs),
    /// Prepare the first roster and the first epoch's keys.
    Genesis(genesis::GenesisArgs),
    /// Prepare the next roster: members, groups, admins, limits, validity.
    Propose(propose::ProposeArgs),
    /// Sign prepared rosters and key bundles as an admin.
    Sign(sign::SignArgs),
    /// Take signed rosters and key bundles into a node that already belongs to the consortium.
    Apply(apply::ApplyArgs),
    /// Pack all rosters and key bundles for a member that joins.
    Invite(invite::InviteArgs),
    /// Enter a consortium by an invitation and the genesis hash received out of band.
    Join(join::JoinArgs),
    /// Show a roster: the one in force, or a file before it is signed or applied.
    Roster(roster::RosterArgs),
}

pub fn run(args: MemberArgs) -> Result<Outcome, CliError> {
    match args.command {
        MemberCommand::Keygen(args) => keygen::run(&args),
        MemberCommand::Card(args) => card::run(&args),
        MemberCommand::Genesis(args) => genesis::run(&args),
        MemberCommand::Propose(args) => propose::run(&args),
        MemberCommand::Sign(args) => sign::run(&args),
        MemberCommand::Apply(args) => apply::run(&args),
        MemberCommand::Invite(args) => invite::run(&args),
        MemberCommand::Join(args) => join::run(&args),
        MemberCommand::Roster(args) => roster::run(&args),
    }
}
