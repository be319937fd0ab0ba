//! `hushwire.local.v1.CaseService`.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::base::limits;
use crate::base::name::{CallerName, ConsortiumId};
use crate::base::role::Role;
use crate::domain::audit::looked::{At, Looked, Object, Word};
use crate::domain::audit::record::Actor;
use crate::domain::case::CaseId;
use crate::domain::case::state::Step;
use crate::domain::identifier::text::looks_like_identifier;
use crate::domain::indicator::note::{Note, NoteError};
use crate::domain::screening::transaction::{CustomerRef, TransactionRef};
use crate::io::engine::{Engine, EngineFault};
use crate::io::grpc::case_words::{self, Shown, bounded, invalid, list_place, outcome, place_token, wire_case};
use crate::io::grpc::convert;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::publishing::page_size;
use crate::io::grpc::refusals::{case_refusal, engine_refusal, storage_refusal};
use crate::io::grpc::terms::StreamTerms;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::case_service_server::CaseService;
use crate::io::transport::caller::LocalCaller;
use crate::node::Node;
use crate::node::case::{CaseFault, StepRequest};
use crate::node::cases::{CaseFilter, CaseName};
use crate::node::local_mac::LocalMacKey;
use crate::node::store::{Journal, Views};

/// Rows of a page where the caller names none, and at most.
const PAGE: (usize, usize) = (50, 500);

/// Changed cases waiting for a slow reader, and looked for at once.
const CHANGES_QUEUED: usize = 16;
const CHANGES_AT_ONCE: usize = 64;

/// The service over one engine.
#[derive(Debug)]
pub struct CaseDesk<J, V> {
    pub engine: Engine<J, V>,
    /// Turns callers' references into the fingerprints cases are found by.
    pub local_mac: LocalMacKey,
    /// Turns true when the node stops: watchers end.
    pub stopping: watch::Receiver<bool>,
}

impl<J, V> CaseDesk<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    /// One step; the case behind it.
    async fn step<T>(
        &self,
        request: &Request<T>,
        case_id: &str,
        revision: u64,
        step: impl FnOnce(&Node<J, V>, crate::base::time::Timestamp) -> Step + Send + 'static,
    ) -> Result<Option<wire::Case>, Status> {
        let caller = convert::actor(local_caller(request)?);
        let id = case_id_of("case_id", case_id)?;
        let revision = (revision > 0).then_some(revision);
        let stepped = self
            .engine
            .call(move |node, round| {
                let step = step(node, round.now);
                node.step_case(&caller, StepRequest { id, revision, step, own_only: false }, round.now, round.rng)
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| case_refusal(&fault))?;
        Ok(Some(wire_case(&stepped.case, self.consortium(), Shown::Whole)))
    }

    fn consortium(&self) -> &ConsortiumId {
        self.engine.consortium()
    }
}

#[tonic::async_trait]
impl<J, V> CaseService for CaseDesk<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn list_cases(
        &self,
        request: Request<wire::ListCasesRequest>,
    ) -> Result<Response<wire::ListCasesResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let after = list_place(&message.page_token)?;
        let limit = page_size(message.page_size, PAGE);
        let customer = reference("customer_ref", &message.customer_ref)
            .map(|text| self.local_mac.customer(&CustomerRef::new(text.to_owned())))?;
        let filter = CaseFilter {
            states: case_words::states(&message.states)?,
            decision: case_words::decision(message.decision)?,
            assignee: (!message.assignee.is_empty()).then_some(message.assignee),
            outcome: if message.outcome == 0 { None } else { Some(outcome(message.outcome)?) },
            customer,
            ..CaseFilter::default()
        };
        let looked = listed(&filter);
        let ((cases, next), waiting) = self
            .engine
            .call(move |node, round| {
                node.record_look(&caller, looked, round.now, round.rng)?;
                let cases = &node.state().cases;
                Ok((cases.list(&filter, after, limit), cases.waiting()))
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        Ok(Response::new(wire::ListCasesResponse {
            cases: cases.iter().map(|case| wire_case(case, self.consortium(), Shown::State)).collect(),
            next_page_token: next.map(place_token).unwrap_or_default(),
            waiting: convert::count(waiting),
        }))
    }

    async fn get_case(
        &self,
        request: Request<wire::GetCaseRequest>,
    ) -> Result<Response<wire::GetCaseResponse>, Status> {
        let caller = local_caller(&request)?;
        let (actor, own_only) = (convert::actor(caller), own_only(caller));
        let name = self.name(request.get_ref())?;
        let found = self
            .engine
            .call(move |node, round| {
                let found = node.find_case(&actor, &name, own_only)?.clone();
                let looked = Looked::new(At::Case).of(Object::Case(found.id()));
                node.record_look(&actor, looked, round.now, round.rng)?;
                Ok::<_, CaseFault>(found)
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| case_refusal(&fault))?;
        let shown = if own_only { Shown::State } else { Shown::Whole };
        Ok(Response::new(wire::GetCaseResponse { case: Some(wire_case(&found, self.consortium(), shown)) }))
    }

    async fn assign_case(
        &self,
        request: Request<wire::AssignCaseRequest>,
    ) -> Result<Response<wire::AssignCaseResponse>, Status> {
        let wire::AssignCaseRequest { case_id, revision, assignee } = request.get_ref().clone();
        let to = if assignee.is_empty() { None } else { Some(assignee_of(&assignee)?) };
        let case = self.step(&request, &case_id, revision, move |_, _| Step::Assign(to)).await?;
        Ok(Response::new(wire::AssignCaseResponse { case }))
    }

    async fn add_note(
        &self,
        request: Request<wire::AddNoteRequest>,
    ) -> Result<Response<wire::AddNoteResponse>, Status> {
        let wire::AddNoteRequest { case_id, revision, note } = request.get_ref().clone();
        let note = note_of(&note)?;
        let case = self.step(&request, &case_id, revision, move |_, _| Step::Note(note)).await?;
        Ok(Response::new(wire::AddNoteResponse { case }))
    }

    async fn release_case(
        &self,
        request: Request<wire::ReleaseCaseRequest>,
    ) -> Result<Response<wire::ReleaseCaseResponse>, Status> {
        let wire::ReleaseCaseRequest { case_id, revision } = request.get_ref().clone();
        let case = self.step(&request, &case_id, revision, |_, _| Step::Release).await?;
        Ok(Response::new(wire::ReleaseCaseResponse { case }))
    }

    async fn confirm_release(
        &self,
        request: Request<wire::ConfirmReleaseRequest>,
    ) -> Result<Response<wire::ConfirmReleaseResponse>, Status> {
        let wire::ConfirmReleaseRequest { case_id, revision } = request.get_ref().clone();
        let case = self.step(&request, &case_id, revision, |_, _| Step::ConfirmRelease).await?;
        Ok(Response::new(wire::ConfirmReleaseResponse { case }))
    }

    async fn refuse_case(
        &self,
        request: Request<wire::RefuseCaseRequest>,
    ) -> Result<Response<wire::RefuseCaseResponse>, Status> {
        let wire::RefuseCaseRequest { case_id, revision } = request.get_ref().clone();
        let case = self.step(&request, &case_id, revision, |_, _| Step::Refuse).await?;
        Ok(Response::new(wire::RefuseCaseResponse { case }))
    }

    async fn reopen_case(
        &self,
        request: Request<wire::ReopenCaseRequest>,
    ) -> Result<Response<wire::ReopenCaseResponse>, Status> {
        let wire::ReopenCaseRequest { case_id, revision } = request.get_ref().clone();
        let reopen = |node: &Node<J, V>, now| Step::Reopen { due: node.state().settings.cases.due(now) };
        let case = self.step(&request, &case_id, revision, reopen).await?;
        Ok(Response::new(wire::ReopenCaseResponse { case }))
    }

    async fn resolve_case(
        &self,
        request: Request<wire::ResolveCaseRequest>,
    ) -> Result<Response<wire::ResolveCaseResponse>, Status> {
        let wire::ResolveCaseRequest { case_id, revision, outcome: said } = request.get_ref().clone();
        let said = outcome(said)?;
        let case = self.step(&request, &case_id, revision, move |_, _| Step::Resolve(said)).await?;
        Ok(Response::new(wire::ResolveCaseResponse { case }))
    }

    async fn report_outcome(
        &self,
        request: Request<wire::ReportOutcomeRequest>,
    ) -> Result<Response<wire::ReportOutcomeResponse>, Status> {
        let caller = local_caller(&request)?;
        let (actor, own_only) = (convert::actor(caller), own_only(caller));
        let message = request.into_inner();
        let id = case_id_of("decision_id", &message.decision_id)?;
        let said = outcome(message.outcome)?;
        let stepped = self
            .engine
            .call(move |node, round| node.report_outcome(&actor, id, said, own_only, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| case_refusal(&fault))?;
        let state =
            stepped.map_or(wire::CaseState::Unspecified, |stepped| case_words::wire_state(stepped.case.state()));
        Ok(Response::new(wire::ReportOutcomeResponse { state: state.into() }))
    }

    type WatchCasesStream = Pin<Box<dyn Stream<Item = Result<wire::WatchCasesResponse, Status>> + Send>>;

    async fn watch_cases(
        &self,
        request: Request<wire::WatchCasesRequest>,
    ) -> Result<Response<Self::WatchCasesStream>, Status> {
        let caller = local_caller(&request)?;
        let only = own_only(caller).then(|| convert::actor(caller));
        let terms = request.extensions().get::<StreamTerms>().cloned();
        let terms = terms.expect("the gate gives every request its terms");
        let size = self.engine.inquire(|node, _| node.state().audit.size().0).await.map_err(engine_refusal)?;
        // Beyond the end: the store was put back from an older copy, and goes on from there.
        let from = request.get_ref().position.map_or(size, |position| position.saturating_add(1).min(size));
        let (changes, outgoing) = mpsc::channel(CHANGES_QUEUED);
        let watch = Watch { engine: self.engine.clone(), only, changes };
        let mut stopping = self.stopping.clone();
        tokio::spawn(async move {
            let stopped = async { drop(stopping.wait_for(|stop| *stop).await) };
            tokio::select! {
                late = terms.within(watch.run(from)) => if let Err(late) = late {
                    drop(watch.changes.send(Err(late.into())).await);
                },
                () = stopped => {}
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

impl<J, V> CaseDesk<J, V> {
    fn name(&self, message: &wire::GetCaseRequest) -> Result<CaseName, Status> {
        let wire::GetCaseRequest { case_id, reference: quoted, transaction_ref } = message;
        match (case_id.as_str(), quoted.as_str(), transaction_ref.as_str()) {
            (id, "", "") if !id.is_empty() => Ok(CaseName::Id(case_id_of("case_id", id)?)),
            ("", quoted, "") if !quoted.is_empty() => Ok(CaseName::Reference(quoted.to_ascii_uppercase())),
            ("", "", order) if !order.is_empty() => {
                let order = TransactionRef::new(reference("transaction_ref", order)?.to_owned());
                Ok(CaseName::Transaction(self.local_mac.transaction(&order).expect("it is not empty")))
            }
            _ => {
                Err(invalid("case_id", "missing", "give exactly one of case_id, reference and transaction_ref").into())
            }
        }
    }
}

/// One watcher.
struct Watch<J, V> {
    engine: Engine<J, V>,
    /// Whose cases alone.
    only: Option<Actor>,
    changes: mpsc::Sender<Result<wire::WatchCasesResponse, Status>>,
}

impl<J: Journal + Send + 'static, V: Views + Send + 'static> Watch<J, V> {
    /// Tells of changes from a position on, until nobody listens or the store has none to tell.
    async fn run(&self, mut from: u64) {
        let pause = Duration::from_millis(limits::decisions::CASES_LOOK_MS);
        loop {
            let changed = self.engine.inquire(move |node, _| node.state().cases.changed_from(from, CHANGES_AT_ONCE));
            let changed = match changed.await {
                Ok(changed) => changed,
                // Looked for again in a moment: a watch lasts longer than a busy one.
                Err(EngineFault::Busy) => Vec::new(),
                Err(fault) => return drop(self.changes.send(Err(engine_refusal(fault).into())).await),
            };
            let idle = changed.is_empty();
            for (position, case) in changed {
                from = position.saturating_add(1);
                if self.only.as_ref().is_some_and(|caller| case.opening().caller != caller.to_string()) {
                    continue;
                }
                let case = Some(wire_case(&case, self.engine.consortium(), Shown::State));
                if self.changes.send(Ok(wire::WatchCasesResponse { case, position })).await.is_err() {
                    return;
                }
            }
            if idle {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.changes.closed() => return,
                }
            }
        }
    }
}

/// What a listing is narrowed to, for the audit log.
fn listed(filter: &CaseFilter) -> Looked {
    let states = filter.states.iter().map(|state| Word::Label(state.label()));
    states
        .fold(Looked::new(At::Cases), |looked, state| looked.by("of_state", state))
        .by("of_decision", filter.decision.map(|decision| Word::Label(decision.label())))
        .by("of_outcome", filter.outcome.map(|outcome| Word::Label(outcome.label())))
        .where_given("assignee", filter.assignee.is_some())
        .where_given("customer", filter.customer.is_some())
}

/// A screener sees what became of its own decisions.
fn own_only(caller: &LocalCaller) -> bool {
    caller.role == Role::Screener
}

pub(in crate::io::grpc) fn case_id_of(field: &'static str, text: &str) -> Result<CaseId, Status> {
    text.parse()
        .map_err(|_| invalid(field, "malformed_id", "has 32 hex digits, as the decision_id of an answer").into())
}

/// A reference of the caller's own, within its bound.
fn reference<'a>(field: &'static str, text: &'a str) -> Result<&'a str, Status> {
    bounded(field, text.chars().count(), limits::SOURCE_REF_CHARACTERS)?;
    Ok(text)
}

/// The name of a caller. It stands in the audit log, so it must not be an identifier in disguise.
fn assignee_of(text: &str) -> Result<String, Status> {
    let rule = "the name in a certificate: lower-case letters, digits, . and -";
    let name: CallerName = text.parse().map_err(|_| invalid("assignee", "caller_name", rule))?;
    if looks_like_identifier(name.as_str()).is_some() {
        return Err(invalid("assignee", "holds_identifier", rule).into());
    }
    Ok(name.as_str().to_owned())
}

fn note_of(text: &str) -> Result<Note, Status> {
    let note = Note::new(text).map_err(|error| {
        let rule = match error {
            NoteError::Length { .. } => "note_too_long",
            NoteError::Control => "note_not_printable",
            NoteError::HoldsIdentifier { .. } => "note_holds_identifier",
        };
        invalid("note", rule, &error.to_string())
    })?;
    if note.as_str().is_empty() { Err(invalid("note", "missing", "say something").into()) } else { Ok(note) }
}
