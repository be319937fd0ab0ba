//! The pages. Each is a module with a template of its name beside it.

pub mod account;
pub mod cases;
pub mod enrol;
pub mod evidence;
pub mod held_back;
pub mod indicators;
pub mod lists;
pub mod log;
pub mod look_up;
pub mod members;
pub mod overview;
pub mod policy;
pub mod prove;
pub mod sign_in;
pub mod statistics;
pub mod users;

use askama::Template;
use http::StatusCode;

use crate::io::console::answer::Answer;
use crate::io::console::fault::{Fault, Told};
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::visit::Visit;

#[derive(Debug, Template)]
#[template(path = "fault.html")]
struct FaultPage {
    frame: Frame,
    told: Told,
    reference: String,
}

#[derive(Debug, Template)]
#[template(path = "arrival.html")]
struct ArrivalPage {
    frame: Frame,
    onward: LocalPath,
}

/// For whoever followed a link of another site: leads to the same page as a link of ours, with which browsers send the cookie.
pub fn arrival(visit: &Visit, onward: LocalPath) -> Answer {
    let page = ArrivalPage { frame: visit.frame("One moment", &[]), onward };
    Answer::page(&page).unwrap_or_else(|_| Answer::plain(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong"))
}

/// What somebody gets in place of the page they asked for.
pub fn fault_page(visit: &Visit, fault: &Fault, reference: &str) -> Answer {
    let told = fault.told();
    let page = FaultPage { frame: visit.frame(told.title, &[]), told, reference: reference.to_owned() };
    Answer::page_as(told.status, &page).unwrap_or_else(|_| Answer::plain(told.status, told.title))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Every template, by its path.
    fn templates(folder: &Path) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path()) {
            if entry.is_dir() {
                found.extend(templates(&entry));
            } else if entry.extension().is_some_and(|ending| ending == "html") {
                found.push((entry.display().to_string(), std::fs::read_to_string(&entry).expect("a text")));
            }
        }
        found
    }

    #[test]
    fn passwords_are_masked_and_may_be_pasted_and_filled_in() {
        let all = templates(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/io/console/pages"));
        let fields = all.iter().flat_map(|(path, text)| {
            let inputs = text.split("<input ").skip(1).filter_map(|rest| rest.split('>').next());
            inputs.map(move |input| (path, input))
        });
        let of_password = |input: &str| {
            let named = |name: &str| input.contains(&format!("name=\"{name}\""));
            input.contains("type=\"password\"") || ["password", "repeated", "new"].into_iter().any(named)
        };
        let of_passwords: Vec<_> = fields.filter(|(_, input)| of_password(input)).collect();
        assert!(of_passwords.len() > 5);
        for (path, input) in of_passwords {
            assert!(input.contains("type=\"password\""), "{path}: {input}");
            let helped = ["current-password", "new-password"].map(|kind| format!("autocomplete=\"{kind}\""));
            assert!(helped.iter().any(|kind| input.contains(kind)), "{path}: {input}");
        }
        let script = include_str!("../assets/console.js");
        assert!(!script.contains("paste") && all.iter().all(|(_, text)| !text.contains("onpaste")));
    }

    #[test]
    fn no_template_goes_around_escaping_or_the_policy_of_its_page() {
        let all = templates(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/io/console/pages"));
        assert!(all.len() > 5);
        for (path, text) in all {
            for forbidden in [
                "|safe",
                "| safe",
                "escape(",
                "style=",
                "<style",
                "javascript:",
                " onclick",
                " onload",
                " onsubmit",
                "http://",
            ] {
                assert!(!text.contains(forbidden), "{path}: {forbidden}");
            }
            let forms = text.matches("method=\"post\"").count();
            let tokens = text.matches("parts::token(frame)").count();
            let open = ["sign_in.html", "enrol.html", "enrol_finish.html"].iter().any(|name| path.ends_with(name));
            assert!(
                open || path.ends_with("parts.html") || forms == tokens,
                "{path}: {forms} forms and {tokens} tokens"
            );
        }
    }
}
