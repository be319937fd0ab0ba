//! Long tables, a page at a time: what the address says of where a page begins, and the links to the first and the next one.
//!
//! A page is named by a key of its first row, never by a number of rows to skip: what grows at the front does not shift what
//! somebody reads, and the cost of a page does not grow with its place.

use crate::io::console::fields::Fields;

/// The field of an address that says where a page begins.
pub const AFTER: &str = "after";

/// Links below a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pager {
    /// To the first page, where this is a later one.
    pub first: Option<String>,
    pub next: Option<String>,
}

impl Pager {
    /// For the page of `path` with these filters; `next` is the key that the next page begins with.
    pub fn new(path: &str, query: &Fields, next: Option<&str>) -> Self {
        let address = |after: Option<&str>| {
            let mut fields = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in query.without(&[AFTER]).filter(|(_, value)| !value.is_empty()) {
                fields.append_pair(name, value);
            }
            if let Some(after) = after {
                fields.append_pair(AFTER, after);
            }
            let fields = fields.finish();
            if fields.is_empty() { path.to_owned() } else { format!("{path}?{fields}") }
        };
        let later = query.all(AFTER).next().is_some();
        Self { first: later.then(|| address(None)), next: next.map(|after| address(Some(after))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_the_filters_and_name_where_a_page_begins() {
        let check = |query: &str, next: Option<&str>, expected: (Option<&str>, Option<&str>)| {
            let query = Fields::parse(query.as_bytes()).expect("well-formed");
            let Pager { first, next } = Pager::new("/log", &query, next);
            assert_eq!((first.as_deref(), next.as_deref()), expected);
        };
        check("", None, (None, None));
        check("", Some("17"), (None, Some("/log?after=17")));
        check("kind=a%26b&peer=", Some("17"), (None, Some("/log?kind=a%26b&after=17")));
        check("kind=a&after=17", Some("9"), (Some("/log?kind=a"), Some("/log?kind=a&after=9")));
        check("after=17", None, (Some("/log"), None));
        check("q=%22%3E%3Cscript%3E", Some("1"), (None, Some("/log?q=%22%3E%3Cscript%3E&after=1")));
    }
}
