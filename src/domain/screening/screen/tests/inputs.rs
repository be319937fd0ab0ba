//! What is left of the identifiers of an answer.

use super::*;

#[test]
fn what_was_looked_up_is_told_of_what_matched_or_was_stopped_and_of_nothing_else() {
    let mut world = World::new();
    assert_eq!(world.screen(&[(EMAIL, "somebody.clean@gmail.com")]).inputs, []);
    world.says("bank-a", EMAIL, "Maria.Lang@gmail.com");
    let screening = world.screen(&[(EMAIL, "somebody.clean@gmail.com"), (EMAIL, "Maria.Lang@gmail.com")]);
    let told: Vec<_> = screening.inputs.iter().map(|input| (input.identifier, input.kind)).collect();
    let mailbox = IdentifierKind::Mailbox;
    // Two forms of each, under both epochs.
    let expected =
        [(0, EMAIL), (0, EMAIL), (0, mailbox), (0, mailbox), (1, EMAIL), (1, EMAIL), (1, mailbox), (1, mailbox)];
    assert_eq!(told, expected);
    let [found] = screening.matches.as_slice() else { panic!("{screening:?}") };
    let input = screening.inputs.iter().find(|input| input.identifier == found.identifier).expect("looked up");
    assert_eq!(input.epoch_id, world.keys.by_id(&input.epoch_id).expect("readable").epoch_id());
}
