//! Making a release: charge, make durable, draw, make durable, tell; in this order, or a crash would give budget back. For callers
//! and for the schedule alike.
//!
//! What was drawn is published and told at a moment that does not depend on the draw.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::base::limits::statistics::SCHEDULE_LOOK_MS;
use crate::domain::audit::record::Actor;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::contribution::CATEGORIES_PER_SUBJECT;
use crate::domain::statistics::ledger::BudgetRefusal;
use crate::domain::statistics::question::{Query, Question, ReleaseId};
use crate::domain::statistics::schedule::Planned;
use crate::io::engine::{Engine, EngineFault};
use crate::io::noise::{self, NoiseError, NoisePlan};
use crate::node::release::{Drawn, ReleaseFault, ReleaseStep};
use crate::node::store::{Journal, Views};

/// A release that exists now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// As published.
    pub release: Vec<u8>,
    /// It existed before.
    pub repeated: bool,
}

/// Nothing was released.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ReleasingFault {
    #[error(transparent)]
    Engine(#[from] EngineFault),
    #[error(transparent)]
    Release(#[from] ReleaseFault),
    /// No noise can be planned for what was asked.
    #[error("{0}")]
    Price(NoiseError),
    #[error("{0}")]
    Noise(NoiseError),
    #[error("the noise library failed")]
    Library,
}

impl ReleasingFault {
    /// Whether another question could be answered at this moment.
    fn is_its_own(&self) -> bool {
        match self {
            Self::Release(ReleaseFault::Refused(_) | ReleaseFault::Counts(_)) | Self::Price(_) | Self::Noise(_) => true,
            Self::Release(ReleaseFault::Fenced | ReleaseFault::NotCharged | ReleaseFault::Storage(_)) => false,
            Self::Engine(_) | Self::Library => false,
        }
    }
}

/// What an answer will cost and how exact it will be; no data is looked at.
pub fn plan(query: Query, asked: Epsilon) -> Result<NoisePlan, NoiseError> {
    let categories = u32::try_from(query.categories().len()).expect("fixed short lists");
    noise::plan(categories, CATEGORIES_PER_SUBJECT, asked)
}

/// Makes a release, or finds it made.
pub async fn release<J, V>(
    engine: &Engine<J, V>,
    caller: Actor,
    id: ReleaseId,
    question: Question,
) -> Result<Made, ReleasingFault>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let asked_at = Instant::now();
    let plan = plan(question.query, question.asked).map_err(ReleasingFault::Price)?;
    let (charged_to, charge_id) = (caller.clone(), ReleaseId::clone(&id));
    let step = engine
        .call(move |node, round| {
            let (now, rng) = (round.now, &mut *round.rng);
            node.begin_release(&charged_to, &charge_id, question, plan.charge(), now, rng)
        })
        .await??;
    let rows = match step {
        ReleaseStep::Released(release) => return Ok(Made { release, repeated: true }),
        ReleaseStep::Draw(rows) => rows,
    };
    let drawn = tokio::task::spawn_blocking(move || noise::draw(&plan, &rows)).await;
    let counts = drawn.map_err(|_| ReleasingFault::Library)?.map_err(ReleasingFault::Noise)?;
    tokio::time::sleep_until(noise::answer_moment(asked_at, Instant::now())).await;
    let drawn = Drawn { id, question, counts, figures: plan.figures(), charged: plan.charge() };
    let release = engine.call(move |node, round| node.finish_release(&caller, drawn, round.now, round.rng)).await??;
    Ok(Made { release, repeated: false })
}

/// Draws what the schedule has due, until the node is told to stop.
pub async fn keep_schedule<J, V>(engine: Engine<J, V>, mut stopping: watch::Receiver<bool>)
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let mut looks = tokio::time::interval(Duration::from_millis(SCHEDULE_LOOK_MS));
    let work = async {
        loop {
            looks.tick().await;
            release_due(&engine).await;
        }
    };
    tokio::select! {
        () = work => {}
        // The end of the sender means the same as its word.
        _ = stopping.wait_for(|stop| *stop) => {}
    }
}

/// Draws what the schedule has due now. What does not succeed, but for want of budget, is due at the next look again.
pub async fn release_due<J, V>(engine: &Engine<J, V>)
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    // A store that is being opened, or is busy: the next look finds the same.
    let Ok(due) = engine.inquire(|node, now| node.due_releases(now)).await else { return };
    for Planned { id, question } in due {
        let release_id = id.to_string();
        match release(engine, Actor::Node, id, question).await {
            Ok(_) => tracing::info!(event = "statistics.released", release_id),
            Err(ReleasingFault::Release(ReleaseFault::Refused(BudgetRefusal::Exhausted { .. }))) => {
                let what = "the budget of its quarter does not hold it; it is given up";
                tracing::warn!(event = "statistics.skipped", release_id, "{what}");
            }
            Err(fault) => {
                tracing::warn!(event = "statistics.postponed", release_id, fault = %fault);
                // What is wrong with this one is its own; what is wrong with the node or its store stops the others too.
                if !fault.is_its_own() {
                    return;
                }
            }
        }
    }
}
