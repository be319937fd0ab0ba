//! Pictures that pages for people show, and those that the console's tests take.

/// Paths of the pictures a page shows. Panics where one has no words for whoever cannot see it.
pub fn shown(page: &str, text: &str) -> Vec<String> {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let pictures = text.split("![").skip(1).filter_map(|rest| rest.split_once("]("));
    let read = pictures.map(|(words, rest)| {
        assert!(words.split_whitespace().count() >= 3, "{page}: say what is to be seen in {rest:.40}");
        format!("{folder}/{}", rest.split(')').next().unwrap_or_default())
    });
    read.collect()
}

/// Names of the pictures that scenarios take.
pub fn taken(scenarios: &str) -> Vec<String> {
    let calls = scenarios.split("await picture(").skip(1);
    calls.filter_map(|call| Some(call.split('"').nth(1)?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_path_and_by_its_name() {
        assert_eq!(shown("docs/a.md", "x ![one two three](officer/b.png) y"), ["docs/officer/b.png"]);
        assert_eq!(taken("await picture(anna, \"b\");"), ["b"]);
    }

    #[test]
    #[should_panic(expected = "say what is to be seen")]
    fn a_picture_without_words_is_refused() {
        shown("docs/a.md", "![](officer/b.png)");
    }
}
