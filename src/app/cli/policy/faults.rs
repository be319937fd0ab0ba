//! What is wrong with a policy file, for people: each fault with its place, and the line it is in.

use std::path::Path;

use crate::app::output::{self, counted};
use crate::domain::screening::policy::fault::{PolicyFault, PolicyFaults};

/// Every fault, on standard error.
pub fn tell(path: &Path, text: &str, faults: &PolicyFaults) {
    for fault in &faults.0 {
        output::remark(format!("{}:{}:{}: {}", path.display(), fault.line, fault.column, message(fault)));
        pointed_at(text, fault).into_iter().for_each(output::remark);
    }
}

/// The file and how many faults it has.
pub fn in_short(path: &Path, faults: &PolicyFaults) -> String {
    format!("{} has {}", path.display(), counted(faults.0.len(), "fault", "faults"))
}

fn message(fault: &PolicyFault) -> String {
    let rule = fault.rule.as_ref().map(|name| format!("rule {name:?}: ")).unwrap_or_default();
    format!("{rule}{}", fault.fault)
}

/// The line with a caret under the place.
fn pointed_at(text: &str, fault: &PolicyFault) -> Option<String> {
    let line = text.lines().nth(fault.line.checked_sub(1)?)?.replace('\t', " ").replace(char::is_control, "\u{FFFD}");
    let number = fault.line.to_string();
    let (margin, before) = (" ".repeat(number.len()), " ".repeat(fault.column.saturating_sub(1)));
    Some(format!("{number} | {line}\n{margin} | {before}^"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::screening::policy::fault::Fault;

    #[test]
    fn the_caret_stands_under_the_place() {
        let fault = PolicyFault { line: 2, column: 4, rule: None, fault: Fault::Deep };
        assert_eq!(pointed_at("one\ntwo three\n", &fault).as_deref(), Some("2 | two three\n  |    ^"));
        assert_eq!(pointed_at("one\n", &fault), None);
    }
}
