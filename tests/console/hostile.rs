//! What others write is text wherever a page shows it.

use serde_json::json;

use crate::browser::{CONSOLE, play, stage};
use crate::consortium::Consortium;
use crate::people::invite;

#[test]
fn two_hundred_hostile_texts_are_text_in_every_field_that_comes_back() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.home("bank-a").start_with(&[CONSOLE]).unwrap_or_else(|said| panic!("{}", said.stderr));
    let mut stage = stage(&node);
    stage["codes"] = json!({ "anna": invite(&consortium, &node, "anna", &["operator"]) });
    play("hostile", &stage);
}
