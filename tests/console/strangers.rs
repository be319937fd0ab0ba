//! What somebody finds who is not signed in.

use crate::browser::{CONSOLE, play, stage};
use crate::consortium::Consortium;

#[test]
fn a_stranger_finds_the_ways_in_and_a_browser_that_forbids_the_rest() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.home("bank-a").start_with(&[CONSOLE]).unwrap_or_else(|said| panic!("{}", said.stderr));
    play("strangers", &stage(&node));
}
