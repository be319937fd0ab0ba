//! `hushwire sightings`: what other members saw of this member's own indicators.

use serde_json::json;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::role::Role;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::feedback_service_client::FeedbackServiceClient;

/// Indicators asked for at once.
const PAGE: u32 = 1_000;

/// What other members saw of your indicators: proved right, or stopped a genuine customer
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire sightings
  hushwire sightings --json | jq 'select(.suggests_retraction) | .name'

A member counts once for an indicator, by its last word. Where more members saw it wrong than right, look at the case again, and \
retract it where they are right. Role: publisher.")]
pub struct SightingsArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// JSON on standard output: one object an indicator, one a line
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: SightingsArgs) -> Result<Outcome, CliError> {
    block_on(async {
        let node = args.client.connect(&[Role::Publisher])?;
        let client = FeedbackServiceClient::new(node.channel.clone());
        let mut page_token = String::new();
        let mut shown = 0_usize;
        let unreadable = loop {
            let request = local::ListSightingsRequest { page_size: PAGE, page_token: page_token.clone() };
            let page = node
                .insist(|| {
                    let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
                    call.set_timeout(CALL_TIMEOUT);
                    async move { client.list_sightings(call).await }
                })
                .await?;
            for indicator in &page.indicators {
                shown += 1;
                output::answer(if args.json { as_json(indicator) } else { in_words(indicator) })?;
            }
            if page.next_page_token.is_empty() {
                break page.unreadable;
            }
            page_token = page.next_page_token;
        };
        if !args.json {
            output::remark(output::counted(shown, "indicator", "indicators"));
            if unreadable > 0 {
                output::remark(format!("{} could not be opened", output::counted(unreadable, "sighting", "sightings")));
            }
        }
        Ok(Outcome::Done)
    })
}

fn as_json(indicator: &local::SightedIndicator) -> String {
    json!({
        "name": indicator.name,
        "confirmed": indicator.confirmed,
        "false_positive": indicator.false_positive,
        "suggests_retraction": indicator.suggests_retraction,
    })
    .to_string()
}

fn in_words(indicator: &local::SightedIndicator) -> String {
    let hint = if indicator.suggests_retraction { "  look at it again" } else { "" };
    let (name, confirmed, wrong) = (&indicator.name, indicator.confirmed, indicator.false_positive);
    format!("{name}  {confirmed} confirmed, {wrong} false positive{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_should_be_looked_at_again_says_so() {
        let indicator = local::SightedIndicator {
            name: "members/bank-a/indicators/ab".to_owned(),
            confirmed: 1,
            false_positive: 2,
            suggests_retraction: true,
        };
        let words = "members/bank-a/indicators/ab  1 confirmed, 2 false positive  look at it again";
        assert_eq!(in_words(&indicator), words);
        assert!(as_json(&indicator).contains("\"suggests_retraction\":true"));
    }
}
