//! `hushwire advice`: what a customer is told, as the running node would tell it.

use serde::Serialize;
use tonic::Request;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::role::Role;
use crate::io::grpc::wire::hushwire::local::v1::screening_service_client::ScreeningServiceClient;
use crate::io::grpc::wire::hushwire::local::v1::{GetAdviceRequest, GetAdviceResponse};

/// The text a customer is told for a key, in a language
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire advice payment_on_hold --language de
  hushwire advice unexpected_calls --language 'fr-CH, en;q=0.8'

The key stands in every answer of a screening (advice_key). docs/advice.md lists the texts that ship and says how a member \
replaces them.")]
pub struct AdviceArgs {
    /// Key of the text
    key: String,
    /// Languages as in Accept-Language, the dearest first; the member's own where not given
    #[arg(long, value_name = "LANGUAGES", default_value = "")]
    language: String,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// The answer of `--json`.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    key: &'a str,
    language: &'a str,
    title: &'a str,
    text: &'a str,
}

/// See the module's documentation.
pub fn run(args: AdviceArgs) -> Result<Outcome, CliError> {
    let GetAdviceResponse { key, language, title, text } = &block_on(ask(&args))?;
    if args.json {
        output::answer_json(&Answer { key, language, title, text })?;
    } else {
        output::answer(title)?;
        output::answer(text)?;
        output::remark(format!("{key}, in {language}"));
    }
    Ok(Outcome::Done)
}

async fn ask(args: &AdviceArgs) -> Result<GetAdviceResponse, CliError> {
    let node = args.client.connect(&[Role::Screener, Role::Analyst])?;
    let client = ScreeningServiceClient::new(node.channel.clone());
    let message = GetAdviceRequest { key: args.key.clone(), accept_language: args.language.clone() };
    node.insist(|| {
        let (mut client, mut request) = (client.clone(), Request::new(message.clone()));
        request.set_timeout(CALL_TIMEOUT);
        async move { client.get_advice(request).await }
    })
    .await
}
