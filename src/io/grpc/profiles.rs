//! `hushwire.local.v1.ProfilesService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::base::limits;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::profile::counts::Spending;
use crate::domain::profile::event::ProfileEvent;
use crate::domain::profile::habit::Habit;
use crate::domain::profile::key::CustomerName;
use crate::domain::profile::person::Profile;
use crate::domain::screening::transaction::CustomerRef;
use crate::io::clock;
use crate::io::engine::Engine;
use crate::io::grpc::convert::{self, wire_time};
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::profiles_service_server::ProfilesService;
use crate::io::profiles::Profiles;
use crate::io::profiles::keep::KeeperOrders;
use crate::node::store::{Journal, Views};

/// Profiles, and what keeps them.
#[derive(Debug, Clone)]
pub struct Kept {
    pub profiles: Arc<Profiles>,
    pub keeper: KeeperOrders,
}

/// The service over one node.
#[derive(Debug)]
pub struct ProfilesDesk<J, V> {
    /// None where profiles are off.
    pub kept: Option<Kept>,
    /// For the audit log.
    pub engine: Engine<J, V>,
}

#[tonic::async_trait]
impl<J, V> ProfilesService for ProfilesDesk<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn show_profile(
        &self,
        request: Request<wire::ShowProfileRequest>,
    ) -> Result<Response<wire::ShowProfileResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let reference = CustomerRef::new(request.into_inner().customer_ref);
        let (kept, name) = self.customer(&reference)?;
        let (profile, customer) = (kept.profiles.of(&reference), hex::encode(name.0));
        // Before it is shown: nobody looks unseen.
        let event = AuditEvent::ProfileShown { customer: customer.clone(), found: profile.is_some() };
        self.record(caller, event).await?;
        let retention_days = kept.profiles.bounds().retention_days;
        let profile = profile.map(|profile| wire_profile(&profile, retention_days, clock::now()));
        Ok(Response::new(wire::ShowProfileResponse { customer, profile }))
    }

    async fn erase_profile(
        &self,
        request: Request<wire::EraseProfileRequest>,
    ) -> Result<Response<wire::EraseProfileResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let reference = CustomerRef::new(request.into_inner().customer_ref);
        let (kept, name) = self.customer(&reference)?;
        let (customer, found) = (hex::encode(name.0), kept.profiles.of(&reference).is_some());
        // Before it is done: an erasure that cannot be recorded would leave no trace, and its repetition would find nothing.
        self.record(caller, AuditEvent::ProfileErased { customer: customer.clone(), found }).await?;
        kept.keeper.erase(name).await.map_err(|fault| storage_refusal(&fault))?;
        Ok(Response::new(wire::EraseProfileResponse { customer, found }))
    }
}

impl<J, V> ProfilesDesk<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    fn customer(&self, reference: &CustomerRef) -> Result<(&Kept, CustomerName), Refusal> {
        let refused =
            |rule, description| Refusal::InvalidArgument { field: "customer_ref".to_owned(), rule, description };
        let kept = self.kept.as_ref().ok_or_else(|| Refusal::FailedPrecondition {
            reason: "PROFILES_OFF",
            description: "this node keeps no profiles: profiles.enabled is false".to_owned(),
        })?;
        let (got, limit) = (reference.characters(), limits::SOURCE_REF_CHARACTERS);
        if got > limit {
            return Err(refused("too_long", format!("a reference has at most {limit} characters, got {got}")));
        }
        let name = kept.profiles.name(reference);
        let name = name.ok_or_else(|| refused("missing", "say which customer, by your own reference".to_owned()))?;
        Ok((kept, name))
    }

    async fn record(&self, caller: Actor, event: AuditEvent) -> Result<(), Refusal> {
        let recorded = self.engine.call(move |node, round| node.record(&caller, vec![event], round.now, round.rng));
        recorded.await.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))
    }
}

fn wire_profile(profile: &Profile, retention_days: u32, now: Timestamp) -> wire::Profile {
    // What a transaction of nobody would be told, which counts itself.
    let facts = profile.facts(&ProfileEvent::at(now), now);
    let forgotten = Day(profile.seen.0.saturating_add(retention_days).saturating_add(1));
    let seconds = |second: u64| Some(wire_time(Timestamp::from_unix_s(second)));
    let last = profile.last_place;
    wire::Profile {
        first_seen: seconds(profile.first_s),
        last_seen: seconds(profile.latest_s),
        forgotten: Some(wire_time(forgotten.start())),
        orders: profile.orders,
        countries: wire_habits(&profile.countries, |country| text(country)),
        categories: wire_habits(&profile.categories, |category| category.as_str().to_owned()),
        devices: u32::try_from(profile.devices.as_slice().len()).unwrap_or(u32::MAX),
        spending: profile.purse.0.iter().map(|spending| wire_spending(spending, profile.latest_s, now)).collect(),
        last_country: last.map(|(country, _)| text(&country)).unwrap_or_default(),
        last_country_at: last.and_then(|(_, second)| seconds(second)),
        count_1m: facts.count_1m.saturating_sub(1),
        count_1h: facts.count_1h.saturating_sub(1),
        count_24h: facts.count_24h.saturating_sub(1),
        count_7d: facts.count_7d.saturating_sub(1),
    }
}

fn wire_habits<T: Copy + Default + PartialEq, const N: usize>(
    habit: &Habit<T, N>,
    value: impl Fn(&T) -> String,
) -> Vec<wire::Habit> {
    let row = |(of, orders): &(T, u8)| wire::Habit { value: value(of), orders: u32::from(*orders) };
    let mut rows: Vec<wire::Habit> = habit.rows().iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.orders));
    rows
}

fn wire_spending(spending: &Spending, latest_s: u64, now: Timestamp) -> wire::Spending {
    let now_s = now.unix_s();
    wire::Spending {
        currency: text(&spending.currency),
        orders: u32::from(spending.amounts.orders()),
        median_minor: spending.amounts.median().unwrap_or_default(),
        deviation_minor: spending.amounts.deviation(),
        spent_24h_minor: spending.day.total(latest_s, now_s),
        spent_7d_minor: spending.week.total(latest_s, now_s),
    }
}

fn text(code: &[u8]) -> String {
    String::from_utf8_lossy(code).into_owned()
}
