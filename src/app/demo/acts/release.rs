//! One statistic leaves the bank, with noise and at a price.

use tonic::transport::Channel;

use crate::app::demo::acts::Stage;
use crate::app::demo::acts::act::{Act, insist};
use crate::app::demo::desk::{Desk, failed};
use crate::app::demo::figures::Release;
use crate::app::demo::founding::BANK_A;
use crate::app::outcome::CliError;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::statistics::question::Query;
use crate::io::grpc::wire::hushwire::compliance::v1::statistics_service_client::StatisticsServiceClient;
use crate::io::grpc::wire::hushwire::compliance::v1::{GetBudgetRequest, GetBudgetResponse, ReleaseStatisticsRequest};

/// What the bank is ready to pay, in billionths.
const PRICE_NANO: u64 = 500_000_000;

/// Kinds the story shows of the release.
const SHOWN: usize = 6;

impl Stage<'_> {
    pub(super) async fn release_statistic(&mut self) -> Result<(), CliError> {
        self.account.step(Act::Release.title());
        let operator = Desk::open(self.cast.member(BANK_A)?, "operator-night-shift")?;
        let mut client = StatisticsServiceClient::new(operator.channel());
        let today = self.now.day();
        let request = ReleaseStatisticsRequest {
            release_id: "demo-first-release".to_owned(),
            from_day: today.0,
            // The story may go on past midnight.
            until_day: today.next().0,
            epsilon_nano: PRICE_NANO,
            query: Query::PublishedIndicatorsByKind.to_string(),
        };
        let before = budget(&mut client).await?;
        let first = client.release_statistics(request.clone()).await.map_err(failed)?.into_inner();
        let charged = budget(&mut client).await?;
        let again = client.release_statistics(request).await.map_err(failed)?.into_inner();
        let after = budget(&mut client).await?;
        let release = StatisticsRelease::decode(&first.release)
            .map_err(|error| CliError::failed(format!("the release cannot be read: {error}")))?;
        let mut counts: Vec<(String, i64)> = release.categories.into_iter().zip(release.counts).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let shown = counts.iter().take(SHOWN).map(|(kind, count)| format!("{kind} {count}"));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let (epsilon, cap) = (billionths(release.epsilon_nano), billionths(after.cap_nano));
        self.account.say(&format!(
            "How many cases it published for each kind of identifier (pan is a card number; a case counts for two kinds \
             at most), with random noise that hides whether any one case is among them: {shown}. In 95 of 100 such figures \
             the true count lies within ±{:.0}. Every figure given out tells a little, so there is a budget: this one cost \
             {epsilon} of the {cap} that a quarter allows, and when they are spent nothing more is released. It was charged \
             before the noise was drawn; asked again, the same numbers came back and nothing was charged.",
            release.accuracy_95
        ));
        self.figures.release = Release { id: release.release_id, epsilon, accuracy_95: release.accuracy_95, counts };
        insist(charged.spent_nano == before.spent_nano + release.epsilon_nano && release.epsilon_nano > 0, || {
            format!("{} billionths were charged, not {}", charged.spent_nano - before.spent_nano, release.epsilon_nano)
        })?;
        insist(again.repeated_release && again.release == first.release, || {
            "the same release gave other numbers when it was asked for again".to_owned()
        })?;
        insist(after.spent_nano == charged.spent_nano, || "the same release was charged twice".to_owned())
    }
}

async fn budget(client: &mut StatisticsServiceClient<Channel>) -> Result<GetBudgetResponse, CliError> {
    Ok(client.get_budget(GetBudgetRequest {}).await.map_err(failed)?.into_inner())
}

/// A privacy loss as people write it, to the millionth.
fn billionths(nano: u64) -> f64 {
    f64::from(u32::try_from(nano / 1000).unwrap_or(u32::MAX)) / 1e6
}
