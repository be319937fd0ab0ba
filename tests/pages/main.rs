//! The pages do what they say: the commands of the README's first hour, of the page on consortia and of the guides for clients
//! are run word by word.

mod consortium;
mod first_hour;
mod guides;
mod shell;
mod typed;
