//! A question nobody foresaw: what it would cost and how exact the answer would be is shown first, then it is asked, once.

use askama::Template;
use http::StatusCode;
use tokio::spawn;

use crate::base::time::{Day, Timestamp};
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::ledger::{Budget, BudgetRefusal};
use crate::domain::statistics::period::{Period, Quarter};
use crate::domain::statistics::published::Published;
use crate::domain::statistics::question::{Query, Question, ReleaseId};
use crate::domain::statistics::schedule::last_week;
use crate::io::console::answer::Answer;
use crate::io::console::date::{Date, before, long_day};
use crate::io::console::fault::Fault;
use crate::io::console::fields::Fields;
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::enrol::sentence;
use crate::io::console::pages::statistics::budget::{BudgetView, free};
use crate::io::console::pages::statistics::words::{loss, meaning, unit, whole};
use crate::io::console::pages::statistics::{Choice, above, period_words, questions};
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::engine::EngineFault;
use crate::io::grpc::convert::actor;
use crate::io::random;
use crate::io::releasing::{ReleasingFault, plan, release};
use crate::node::release::ReleaseFault;

/// Prices to choose from, in thousandths.
const PRICES: [u64; 7] = [10, 20, 50, 100, 200, 500, 1_000];

#[derive(Debug, Template)]
#[template(path = "statistics/ask.html")]
struct Ask {
    frame: Frame,
    budget: BudgetView,
    questions: Vec<Choice>,
    query: Query,
    meaning: &'static str,
    unit_words: &'static str,
    from: String,
    last: String,
    today: String,
    /// None where the days are no period.
    offer: Option<Offer>,
    wrong: Option<String>,
}

/// What may be asked about these days.
#[derive(Debug)]
struct Offer {
    period: String,
    counted: &'static str,
    quarter: String,
    free: String,
    /// From when on there is a new budget.
    renews: String,
    prices: Vec<Price>,
    /// Whether any of them fits.
    fits: bool,
    /// The release that would be made; sent twice, the form makes it once.
    id: String,
}

/// One price.
#[derive(Debug)]
struct Price {
    value: String,
    cost: String,
    accuracy: u64,
    /// What would be left; none where it does not fit.
    left: Option<String>,
    chosen: bool,
}

/// What somebody wants to know.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    query: Query,
    from: Day,
    last: Day,
}

impl Wanted {
    fn read(fields: &Fields, today: Day) -> Result<Self, Fault> {
        let week = last_week(today);
        let day = |name, otherwise: Day| Ok::<_, Fault>(fields.filter::<Date>(name)?.map_or(otherwise, |date| date.0));
        Ok(Self {
            query: fields.filter::<Query>("question")?.unwrap_or(Query::OrdersByDecision),
            from: day("from", week.from())?,
            last: day("last", before(week.until()))?,
        })
    }

    fn period(&self, today: Day) -> Result<Period, String> {
        Period::new(self.from, self.last.next(), today).map_err(|error| sentence(&error.to_string()))
    }
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    let wanted = Wanted::read(&visit.query, visit.now.wall.day())?;
    page(&visit, StatusCode::OK, wanted, None).await
}

async fn page(visit: &Visit, status: StatusCode, wanted: Wanted, wrong: Option<String>) -> Result<Answer, Fault> {
    let today = visit.now.wall.day();
    let period = wanted.period(today);
    let of_days = period.as_ref().map_or(today, Period::from);
    let budgets = visit
        .look(move |node, now| {
            let of = |day: Day| (node.budget(day), node.kept_for_schedule(Quarter::of(day), now));
            (of(now.day()), of(of_days))
        })
        .await?;
    let ((budget, kept), (of_period, kept_of_period)) = budgets;
    let (offer, unreadable) = match period {
        Ok(period) => (Some(offer(wanted.query, period, &of_period, kept_of_period, visit.now.wall)), None),
        Err(reason) => (None, Some(reason)),
    };
    let page = Ask {
        frame: visit.frame("Ask a question", &[above()]),
        budget: BudgetView::new(today, &budget, kept),
        questions: questions(Some(wanted.query)),
        query: wanted.query,
        meaning: meaning(wanted.query),
        unit_words: wanted.query.unit().words(),
        from: Date(wanted.from).to_string(),
        last: Date(wanted.last).to_string(),
        today: Date(today).to_string(),
        offer,
        wrong: wrong.or(unreadable),
    };
    Answer::page_as(status, &page)
}

fn offer(query: Query, period: Period, budget: &Budget, kept: Epsilon, now: Timestamp) -> Offer {
    let free = free(budget, kept);
    let mut prices: Vec<Price> = PRICES.into_iter().filter_map(|price| priced(query, price, free)).collect();
    // Not the dearest that fits: what is left is for the rest of the quarter.
    let fitting = prices.iter().filter(|price| price.left.is_some()).count();
    if let Some(price) = prices.iter_mut().filter(|price| price.left.is_some()).nth(fitting.saturating_sub(1).min(3)) {
        price.chosen = true;
    }
    Offer {
        period: period_words(period),
        counted: unit(query),
        quarter: period.quarter().to_string(),
        free: loss(free),
        renews: long_day(period.quarter().next().first_day()),
        fits: fitting > 0,
        prices,
        id: format!("asked-{}-{}", Date(now.day()), hex::encode(random::bytes::<4>())),
    }
}

/// What a price of so many thousandths buys; none where nothing can be drawn for it.
fn priced(query: Query, thousandths: u64, free: Epsilon) -> Option<Price> {
    let asked = Epsilon::from_nano(thousandths * 1_000_000);
    let plan = plan(query, asked).ok()?;
    let left = free.nano().checked_sub(plan.charge().nano()).map(Epsilon::from_nano);
    Some(Price {
        value: loss(asked),
        cost: loss(plan.charge()),
        accuracy: whole(plan.accuracy_95()),
        left: left.map(loss),
        chosen: false,
    })
}

pub async fn make(visit: Visit) -> Result<Answer, Fault> {
    let today = visit.now.wall.day();
    let wanted = Wanted::read(&visit.form, today)?;
    let (id, asked) = (visit.form.read::<ReleaseId>("release")?, visit.form.read::<Epsilon>("price")?);
    let Ok(period) = wanted.period(today) else {
        return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, wanted, None).await;
    };
    let question = Question { query: wanted.query, period, asked };
    let (engine, caller) = (visit.console.engine.clone(), actor(&visit.caller()));
    // In a task of its own: once it is charged it is drawn, also where whoever asked does not wait for it.
    let made = spawn(async move { release(&engine, caller, id, question).await }).await;
    let made = match made.map_err(|_| Fault::Broken("a release panicked".to_owned()))? {
        Ok(made) => made,
        Err(fault) => return refused(&visit, wanted, fault).await,
    };
    let own = visit.console.engine.member();
    let release = StatisticsRelease::decode(&made.release).ok();
    let release = release.and_then(|release| Published::read(&release, own));
    let release = release.ok_or_else(|| Fault::Broken("a release of our own cannot be read".to_owned()))?;
    visit.tell(
        Tone::Done,
        if made.repeated {
            "This was asked before: the same figures, and nothing was charged.".to_owned()
        } else {
            format!("Released. It cost {}; the other members get the same figures.", loss(release.epsilon))
        },
    );
    Ok(Answer::see(LocalPath::new(format!("/statistics/releases/{}", release.place()))))
}

async fn refused(visit: &Visit, wanted: Wanted, fault: ReleasingFault) -> Result<Answer, Fault> {
    let (status, reason) = match fault {
        ReleasingFault::Engine(fault) => return Err(fault.into()),
        ReleasingFault::Release(ReleaseFault::Storage(fault)) => {
            return Err(Fault::Engine(EngineFault::Storage(fault)));
        }
        ReleasingFault::Release(ReleaseFault::Refused(refusal)) => (StatusCode::CONFLICT, words(&refusal)),
        ReleasingFault::Release(fault @ ReleaseFault::Fenced) => (StatusCode::CONFLICT, sentence(&fault.to_string())),
        ReleasingFault::Price(error) => (StatusCode::UNPROCESSABLE_ENTITY, sentence(&error.to_string())),
        fault @ (ReleasingFault::Release(ReleaseFault::NotCharged | ReleaseFault::Counts(_))
        | ReleasingFault::Noise(_)
        | ReleasingFault::Library) => return Err(Fault::Broken(fault.to_string())),
    };
    page(visit, status, wanted, Some(reason)).await
}

/// A refusal in plain words, with what comes next.
fn words(refusal: &BudgetRefusal) -> String {
    match refusal {
        BudgetRefusal::Exhausted { quarter, cap, spent, kept, asked, renews } => format!(
            "Not released, and nothing was charged: this would cost {}, and of the budget of {quarter} ({}) {} is spent and {} is \
             kept for the schedule. Choose a less exact answer, or ask about days from {} on, which have a new budget.",
            loss(*asked),
            loss(*cap),
            loss(*spent),
            loss(*kept),
            long_day(*renews)
        ),
        other @ (BudgetRefusal::OfSchedule | BudgetRefusal::IdTaken | BudgetRefusal::Price { .. }) => {
            sentence(&other.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(spent: u64, kept: u64) -> Offer {
        let period = Period::stored(Day(20_770), Day(20_777)).expect("inside a quarter");
        let (cap, renews) = (Epsilon::QUARTER_CAP, period.quarter().next().first_day());
        let budget = Budget { spent: Epsilon::from_nano(spent), cap, renews, skipped: 0 };
        let now = Day(20_779).start();
        offer(Query::OrdersByDecision, period, &budget, Epsilon::from_nano(kept), now)
    }

    #[test]
    fn a_price_says_what_it_buys_and_what_it_leaves() {
        let offer = offered(500_000_000, 1_000_000_000);
        let fits: Vec<(&str, Option<&str>)> =
            offer.prices.iter().map(|price| (price.value.as_str(), price.left.as_deref())).collect();
        assert_eq!(
            fits,
            [
                ("0.01", Some("0.49")),
                ("0.02", Some("0.48")),
                ("0.05", Some("0.45")),
                ("0.1", Some("0.4")),
                ("0.2", Some("0.3")),
                ("0.5", Some("0")),
                ("1", None),
            ]
        );
        let accuracies: Vec<u64> = offer.prices.iter().map(|price| price.accuracy).collect();
        assert!(accuracies.is_sorted_by(|one, next| one > next), "what costs more is more exact: {accuracies:?}");
        assert_eq!(
            offer.prices.iter().filter(|price| price.chosen).map(|price| &price.value).collect::<Vec<_>>(),
            ["0.1"]
        );
        assert!(offer.id.parse::<ReleaseId>().is_ok_and(|id| !id.is_scheduled()));
    }

    #[test]
    fn nothing_is_offered_of_a_budget_that_is_spent_but_the_day_of_the_next() {
        let offer = offered(1_995_000_000, 0);
        assert!(!offer.fits && offer.prices.iter().all(|price| price.left.is_none() && !price.chosen));
        assert_eq!(offer.renews, "1 Jan 2027");
    }

    #[test]
    fn a_refusal_says_when_the_budget_renews() {
        let quarter = Quarter::of(Day(20_779));
        let nano = Epsilon::from_nano;
        let renews = quarter.next().first_day();
        let refusal = BudgetRefusal::Exhausted {
            quarter,
            cap: nano(2_000_000_000),
            spent: nano(1_900_000_000),
            kept: nano(0),
            asked: nano(200_000_000),
            renews,
        };
        let said = words(&refusal);
        for part in ["nothing was charged", "cost 0.2", "budget of 2026-Q4 (2) 1.9 is spent", "from 1 Jan 2027 on"] {
            assert!(said.contains(part), "{said}");
        }
    }
}
