//! Audit logs before their witnesses: the author tells how its log has grown, the witness cosigns.

use hushwire::node::accept::AcceptFault;
use hushwire::node::witness::{AuditNews, audit_feed_of};

use crate::exchange::Then;
use crate::network::{Ask, Tell};
use crate::violation::{Invariant, Violation, broken};
use crate::world::World;

impl World {
    /// Tells a witness how the server's audit log has grown.
    pub fn tell_audit_head(&mut self, pair: (usize, usize)) -> Result<(), Violation> {
        let Some(held) = self.stream(pair).and_then(|stream| stream.witnessed) else { return Ok(()) };
        let news = self.on_node(pair.1, |node, _, _| node.audit_news(held));
        let news = news.transpose().map_err(|fault| broken(Invariant::StoreWhole, fault))?;
        if let Some((size, news)) = news.flatten() {
            if let Some(stream) = self.stream(pair) {
                stream.witnessed = Some(size);
            }
            self.tell(pair, Tell::AuditHead(Box::new(news)));
        }
        Ok(())
    }

    pub fn witness(&mut self, pair: (usize, usize), news: AuditNews) -> Result<Then, Violation> {
        let author = self.member_of(pair.1);
        let answer = self.on_node(pair.0, |node, now, rng| node.witness_audit(&author, news, now, rng));
        self.note(&("audit head", pair, answer.as_ref().map(|answer| answer.is_ok())));
        self.sync(pair.0)?;
        match answer {
            Some(Ok(answer)) if self.houses[pair.0].is_up() => {
                if let Some((size, line)) = answer.cosignature {
                    self.ask(pair, Ask::Cosign { feed: audit_feed_of(&author), size, line });
                }
                if let Some(note) = answer.lead_from {
                    self.ask(pair, Ask::AuditWitnessed { note });
                }
                Ok(Then::GoOn)
            }
            Some(Err(AcceptFault::Storage(fault))) => {
                self.houses[pair.0].judge::<()>(Err(fault))?;
                Ok(Then::Break)
            }
            Some(Err(_)) => Ok(Then::GoOn),
            Some(Ok(_)) | None => Ok(Then::Break),
        }
    }
}
