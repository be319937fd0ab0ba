//! The pages do what they say: the commands of the README's first hour and of the page on consortia are run word by word.

mod consortium;
mod first_hour;
mod shell;
