//! A chart of what a replay found.

use crate::app::replay::report::Report;

pub fn draw(_report: &Report) -> String {
    String::new()
}
