//! `hushwire user`: who may sign in to the console.

use clap::Subcommand;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::app::cli::call_channel::CallChannel;
use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::time;
use crate::base::role::Role;
use crate::domain::user::name::UserName;
use crate::domain::user::roles::ConsoleRoles;
use crate::io::grpc::users::wire_role;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::user_service_client::UserServiceClient;

/// Who may change users.
const ROLES: [Role; 1] = [Role::Operator];

/// Make the people who sign in to the console, give them roles, take them out
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire user add anna --role operator           # prints the code with which anna enrols, once
  hushwire user list
  hushwire user roles anna --role analyst --role auditor
  hushwire user disable anna                       # has left, or their laptop has
  hushwire user reset anna                         # password, authenticator and recovery codes are lost

A user enrols in the console with the code: chooses a password, takes an authenticator in, gets recovery codes. A user is the same \
person as a certificate of that name: two people are never one with two ways in. In the console an operator makes another one only \
with a second operator; here, with an operator's certificate, one may do it alone, and the audit log tells of it. Role: operator.")]
pub struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Make a user, who enrols with the code this prints
    #[command(after_help = "\
Examples:
  hushwire user add anna --role operator
  hushwire user add ben --role analyst --role auditor --json

The code is printed once, opens for a day and for one person. Hand it over by a way of its own; whoever has it becomes the user.")]
    Add(RolesArgs),
    /// List all users: roles, state, last sign-in
    #[command(after_help = "\
Examples:
  hushwire user list
  hushwire user list --json | jq -r .name")]
    List(ListArgs),
    /// Give a user these roles in the place of those it had
    #[command(after_help = "\
Example:
  hushwire user roles anna --role analyst --role auditor

It holds at once, for open sessions too. Nobody changes their own.")]
    Roles(RolesArgs),
    /// Take a user out: sessions end, and nobody signs in
    #[command(after_help = "\
Example:
  hushwire user disable anna")]
    Disable(NameArgs),
    /// Let a user sign in again who was taken out, or is closed after ten wrong tries
    #[command(after_help = "\
Example:
  hushwire user enable anna")]
    Enable(NameArgs),
    /// Let a user begin anew: password, authenticator and recovery codes are over
    #[command(after_help = "\
Example:
  hushwire user reset anna

Make sure that it is anna who asks: whoever has the code this prints becomes the user.")]
    Reset(NameArgs),
    /// Remove a user with all that was kept; the audit log goes on telling of it
    #[command(after_help = "\
Example:
  hushwire user remove anna")]
    Remove(NameArgs),
    /// End all sessions of a user
    #[command(after_help = "\
Example:
  hushwire user sign-out anna")]
    SignOut(NameArgs),
}

#[derive(Debug, clap::Args)]
struct NameArgs {
    /// The user
    #[arg(value_name = "NAME")]
    name: UserName,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct RolesArgs {
    #[command(flatten)]
    of: NameArgs,
    /// publisher, analyst, auditor or operator; may be repeated
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<Role>,
}

impl RolesArgs {
    fn numbers(&self) -> Result<Vec<i32>, CliError> {
        let roles = ConsoleRoles::new(self.roles.iter().copied()).map_err(|rule| CliError::usage(rule.to_string()))?;
        Ok(roles.iter().filter_map(|role| Some(wire_role(role)?.into())).collect())
    }
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// JSON on standard output: one object a user, one a line
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: UserArgs) -> Result<Outcome, CliError> {
    match args.command {
        UserCommand::Add(args) => add(&args),
        UserCommand::List(args) => list(&args),
        UserCommand::Roles(args) => {
            let request = local::SetUserRolesRequest { name: args.of.name.to_string(), roles: args.numbers()? };
            let made = |mut client: Client, call| async move { client.set_user_roles(call).await };
            show(&args.of, call(&args.of.client, request, made)?.user)
        }
        UserCommand::Disable(args) => {
            let request = local::DisableUserRequest { name: args.name.to_string() };
            let made = |mut client: Client, call| async move { client.disable_user(call).await };
            show(&args, call(&args.client, request, made)?.user)
        }
        UserCommand::Enable(args) => {
            let request = local::EnableUserRequest { name: args.name.to_string() };
            let made = |mut client: Client, call| async move { client.enable_user(call).await };
            show(&args, call(&args.client, request, made)?.user)
        }
        UserCommand::Reset(args) => reset(&args),
        UserCommand::Remove(args) => remove(&args),
        UserCommand::SignOut(args) => {
            let request = local::EndSessionsRequest { name: args.name.to_string() };
            let made = |mut client: Client, call| async move { client.end_sessions(call).await };
            show(&args, call(&args.client, request, made)?.user)
        }
    }
}

type Client = UserServiceClient<CallChannel>;

/// One call. Never repeated by itself where it makes a code: the first answer, if it was lost, held the only copy.
fn once<Q, A, F>(
    client: &ClientArgs,
    request: Q,
    made: impl FnOnce(Client, tonic::Request<Q>) -> F,
) -> Result<A, CliError>
where
    F: Future<Output = Result<tonic::Response<A>, tonic::Status>>,
{
    block_on(async {
        let node = client.connect(&ROLES)?;
        let mut call = tonic::Request::new(request);
        call.set_timeout(CALL_TIMEOUT);
        let answered = made(Client::new(node.channel.clone()), call).await;
        Ok(answered.map_err(|status| explain(&status, &node.endpoint))?.into_inner())
    })
}

/// One call, repeated as long as the node asks for time.
fn call<Q: Clone, A, F>(
    client: &ClientArgs,
    request: Q,
    made: impl Fn(Client, tonic::Request<Q>) -> F,
) -> Result<A, CliError>
where
    F: Future<Output = Result<tonic::Response<A>, tonic::Status>>,
{
    block_on(async {
        let node = client.connect(&ROLES)?;
        node.insist(|| {
            let mut call = tonic::Request::new(request.clone());
            call.set_timeout(CALL_TIMEOUT);
            made(Client::new(node.channel.clone()), call)
        })
        .await
    })
}

fn add(args: &RolesArgs) -> Result<Outcome, CliError> {
    let request = local::CreateUserRequest { name: args.of.name.to_string(), roles: args.numbers()? };
    let made = |mut client: Client, call| async move { client.create_user(call).await };
    let mut answer = once(&args.of.client, request, made)?;
    let code = Zeroizing::new(std::mem::take(&mut answer.enrolment_code));
    hand_over(&args.of, answer.user.take(), &code, &answer.enrol_path)
}

fn reset(args: &NameArgs) -> Result<Outcome, CliError> {
    let request = local::ResetUserRequest { name: args.name.to_string() };
    let made = |mut client: Client, call| async move { client.reset_user(call).await };
    let mut answer = once(&args.client, request, made)?;
    let code = Zeroizing::new(std::mem::take(&mut answer.enrolment_code));
    hand_over(args, answer.user.take(), &code, &answer.enrol_path)
}

/// The code alone on standard output, the rest beside it.
fn hand_over(args: &NameArgs, user: Option<local::User>, code: &str, path: &str) -> Result<Outcome, CliError> {
    let user = user.ok_or_else(|| CliError::failed("the node answered without a user"))?;
    if args.json {
        let mut shown = as_json(&user);
        (shown["enrolment_code"], shown["enrol_path"]) = (code.into(), path.into());
        output::answer_json(&shown)?;
    } else {
        output::answer(code)?;
        let until = user.until.as_ref().map(time::show).unwrap_or_default();
        output::remark(format!(
            "{} enrols with it at {path} of the console until {until}; it is not shown again",
            user.name
        ));
    }
    Ok(Outcome::Done)
}

fn list(args: &ListArgs) -> Result<Outcome, CliError> {
    let made = |mut client: Client, call| async move { client.list_users(call).await };
    let answer = call(&args.client, local::ListUsersRequest {}, made)?;
    for user in &answer.users {
        output::answer(if args.json { as_json(user).to_string() } else { one_line(user) })?;
    }
    if !args.json {
        output::remark(output::counted(answer.users.len(), "user", "users"));
    }
    Ok(Outcome::Done)
}

fn remove(args: &NameArgs) -> Result<Outcome, CliError> {
    let request = local::RemoveUserRequest { name: args.name.to_string() };
    let made = |mut client: Client, call| async move { client.remove_user(call).await };
    call(&args.client, request, made)?;
    if args.json {
        output::answer_json(&json!({ "name": args.name.as_str() }))?;
    } else {
        output::answer(format!("{} is removed", args.name))?;
    }
    Ok(Outcome::Done)
}

fn show(args: &NameArgs, user: Option<local::User>) -> Result<Outcome, CliError> {
    let user = user.ok_or_else(|| CliError::failed("the node answered without a user"))?;
    if args.json { output::answer_json(&as_json(&user)) } else { output::answer(one_line(&user)) }?;
    Ok(Outcome::Done)
}

fn role_names(roles: &[i32]) -> Vec<&'static str> {
    let known = ConsoleRoles::ALL.into_iter();
    known.filter(|role| wire_role(*role).is_some_and(|wire| roles.contains(&wire.into()))).map(Role::as_str).collect()
}

fn state(user: &local::User) -> &'static str {
    match user.state() {
        local::UserState::Invited => "invited",
        local::UserState::InvitationOver => "invitation over",
        local::UserState::Active => "active",
        local::UserState::Closed => "closed",
        local::UserState::Disabled => "disabled",
        local::UserState::Unspecified => "unknown",
    }
}

fn as_json(user: &local::User) -> Value {
    json!({
        "name": user.name,
        "roles": role_names(&user.roles),
        "state": state(user).replace(' ', "_"),
        "until": user.until.as_ref().map(time::show),
        "created_at": user.created_at.as_ref().map(time::show),
        "created_by": user.created_by,
        "signed_in_at": user.signed_in_at.as_ref().map(time::show),
        "recovery_codes": user.recovery_codes,
        "asked_roles": role_names(&user.asked_roles),
        "asked_by": user.asked_by,
    })
}

fn one_line(user: &local::User) -> String {
    let roles = role_names(&user.roles).join(",");
    let mut line = format!("{}  {}  {}", user.name, if roles.is_empty() { "no role yet" } else { &roles }, state(user));
    if let Some(until) = &user.until {
        line.push_str(&format!(" until {}", time::show(until)));
    }
    match &user.signed_in_at {
        Some(at) => {
            line.push_str(&format!("  signed in {}, {} recovery codes left", time::show(at), user.recovery_codes))
        }
        None => line.push_str("  never signed in"),
    }
    if !user.asked_by.is_empty() {
        line.push_str(&format!("  {} asks for {}", user.asked_by, role_names(&user.asked_roles).join(",")));
    }
    line
}

fn explain(status: &tonic::Status, endpoint: &str) -> CliError {
    let error = crate::app::cli::client::explain(status, endpoint);
    match status.code() {
        tonic::Code::AlreadyExists => error.hint("hushwire user reset NAME prints another code for a user there is"),
        tonic::Code::DeadlineExceeded | tonic::Code::Unavailable => error.hint(
            "it may be done all the same: hushwire user list tells; hushwire user reset NAME prints another code",
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_one_line_of_words() {
        let role = |role: local::UserRole| i32::from(role);
        let user = local::User {
            name: "anna".to_owned(),
            roles: vec![role(local::UserRole::Auditor), role(local::UserRole::Analyst)],
            state: local::UserState::Active.into(),
            signed_in_at: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            recovery_codes: 9,
            ..local::User::default()
        };
        let expected = "anna  analyst,auditor  active  signed in 1970-01-01T00:00:00Z, 9 recovery codes left";
        assert_eq!(one_line(&user), expected);
        let asked = local::User {
            name: "ben".to_owned(),
            state: local::UserState::InvitationOver.into(),
            asked_roles: vec![role(local::UserRole::Operator)],
            asked_by: "anna".to_owned(),
            ..local::User::default()
        };
        assert_eq!(one_line(&asked), "ben  no role yet  invitation over  never signed in  anna asks for operator");
    }
}
