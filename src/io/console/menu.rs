//! A menu of a form: what may be chosen, and what is.

use crate::io::console::words::Choice;

/// One field with its choices; shown by `parts::menu`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// Name of the field, and id of its element.
    pub name: &'static str,
    pub label: &'static str,
    pub choices: Vec<Choice>,
}

impl Menu {
    /// `choices` are values with what people read; `chosen` is the value of the present one, empty where none is.
    pub fn new(
        name: &'static str,
        label: &'static str,
        choices: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
        chosen: &str,
    ) -> Self {
        let choice = |(value, title): (_, _)| {
            let value: String = Into::into(value);
            let is_chosen = value == chosen;
            Choice::new(value, title, is_chosen)
        };
        Self { name, label, choices: choices.into_iter().map(choice).collect() }
    }
}
