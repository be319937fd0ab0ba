//! What one may do next with what was found, and who does it. Nothing is done here: each has its page, or its command.

use crate::base::kind::IdentifierKind;

/// What the steps depend on.
#[derive(Debug)]
pub struct Known {
    pub kind: IdentifierKind,
    /// Another member's statement that counts.
    pub foreign: Option<String>,
    /// Own ones: of an e-mail address there are two.
    pub own: Vec<String>,
    /// The brake holds something back.
    pub held_back: bool,
    /// The newest decision it touched.
    pub decision: Option<String>,
    /// Anybody says, or is about to say, anything of it.
    pub anything: bool,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    pub when: &'static str,
    pub what: &'static str,
    /// Who may.
    pub who: &'static str,
    /// The page where it is done, for who may open it.
    pub page: Option<&'static str>,
    pub command: String,
}

/// What there is to do; `way` leads to a page that the reader may open.
pub fn next_steps(known: &Known, way: impl Fn(&str) -> Option<&'static str>) -> Vec<NextStep> {
    let kind = known.kind.label();
    let mut steps = Vec::new();
    let mut step = |when, what, who, page: Option<&str>, command| {
        steps.push(NextStep { when, what, who, page: page.and_then(&way), command });
    };
    if let Some(decision) = &known.decision {
        let explain = format!("hushwire explain {decision}");
        step(
            "A customer asks why",
            "See what stood behind the decision, and hand out its proof.",
            "analyst, auditor",
            Some("/cases"),
            explain,
        );
    }
    if let Some(name) = &known.foreign {
        let what = "Dispute the statement. It counts less everywhere at once, and its author answers within seven days or withdraws it.";
        let dispute = format!("hushwire dispute open {name} --reason genuine-customer");
        step("Another member is wrong", what, "analyst", None, dispute);
        let what = "Put it on the own allow list: orders with it pass here, whatever others say.";
        step(
            "We know the customer",
            what,
            "analyst, operator",
            Some("/lists/add"),
            format!("hushwire list add allow {kind}=- --reason known-customer"),
        );
    }
    if !known.own.is_empty() {
        let what = "Withdraw our statement. It stops counting at every member as soon as they hear of it.";
        let names: String = known.own.iter().map(|name| format!(" --name {name}")).collect();
        let retract = format!("hushwire retract --reason false-positive{names}");
        step("We are wrong", what, "publisher", Some("/indicators"), retract);
    }
    if known.held_back {
        let what = "Look at what is held back, and let it count or keep it out.";
        step("Something is held back", what, "analyst", Some("/held-back"), "hushwire quarantine list".to_owned());
    }
    if known.own.is_empty() {
        let what = "Tell the other members. Only confirmed fraud, or what an authority says, weighs fully.";
        step("We were defrauded with it", what, "publisher", None, "hushwire publish --help".to_owned());
    }
    if !known.anything {
        let what = "Put it on the own block list: orders with it are refused here, and nobody else learns of it.";
        step(
            "It must not pass here",
            what,
            "analyst, operator",
            Some("/lists/add"),
            format!("hushwire list add block {kind}=- --reason own-fraud"),
        );
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Known = Known {
        kind: IdentifierKind::Pan,
        foreign: None,
        own: Vec::new(),
        held_back: false,
        decision: None,
        anything: false,
    };

    #[test]
    fn what_can_be_done_follows_from_what_is_known() {
        let check = |known: &Known, expected: &[&str]| {
            let steps: Vec<&str> = next_steps(known, |_| None).into_iter().map(|step| step.when).collect();
            assert_eq!(steps, expected, "{known:?}");
        };
        check(&NOTHING, &["We were defrauded with it", "It must not pass here"]);
        let own = Known { own: vec!["members/bank-a/indicators/00".to_owned()], anything: true, ..NOTHING };
        check(&own, &["We are wrong"]);
        let both =
            Known { foreign: Some("members/bank-b/indicators/00".to_owned()), decision: Some("d".to_owned()), ..own };
        check(&both, &["A customer asks why", "Another member is wrong", "We know the customer", "We are wrong"]);
    }

    #[test]
    fn a_step_leads_to_its_page_where_the_reader_may_open_it() {
        let steps = next_steps(&NOTHING, |path| (path == "/lists/add").then_some("/lists/add"));
        let pages: Vec<Option<&str>> = steps.iter().map(|step| step.page).collect();
        assert_eq!(pages, [None, Some("/lists/add")]);
    }
}
