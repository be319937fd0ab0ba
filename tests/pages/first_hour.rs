//! The first hour of the README.

use crate::typed::type_page;

const PAGE: &str = include_str!("../../README.md");

/// Logs of the nodes that the section starts.
const LOGS: [&str; 4] = ["one.log", "bank-a.log", "bank-b.log", "shop.log"];

/// The section, without its preparations.
fn section() -> String {
    let from = PAGE.find("## A first hour by hand").expect("the README has a first hour");
    let rest = &PAGE[from..];
    let end = rest[3..].find("\n## ").map_or(rest.len(), |at| at + 3);
    rest[..end].to_owned()
}

#[test]
fn the_first_hour_goes_as_the_readme_says() {
    type_page(&section(), &["7440", "7441", "7450", "7451", "7460", "7461"], &LOGS, &[]);
}
