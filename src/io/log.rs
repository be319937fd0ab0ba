//! Log lines: one event, one line, as text for people or JSON for machines.
//!
//! Values may hold text of others: what a peer's node answered, what the operating system says of a path. Such text must
//! neither begin a line, nor move a terminal's cursor, nor turn the direction of what follows, nor pass for another field
//! (OWASP ASVS 5.0, 16.4.1). So every value that is not plain is quoted as in JSON, with every control and format character
//! escaped, in both forms; what is longer than [`limits::LOG_VALUE_CHARACTERS`] is cut.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::base::limits;
use crate::io::clock;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// `2026-11-27T21:04:05.123Z ERROR store.failed fault="the disk is full"`
    Text,
    /// One object, `timestamp`, `level`, `event` and `target` first.
    Json,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let (now, level, target) = (clock::now(), metadata.level(), metadata.target());
        // Libraries name no event; where they speak is the nearest to a name.
        let name = fields.event.take().unwrap_or_else(|| target.to_owned());
        match self {
            Self::Text => {
                write!(writer, "{now} {level:5} ")?;
                plain_or_quoted(&mut writer, &name)?;
                for (key, value) in fields.others {
                    write!(writer, " {key}=")?;
                    match value {
                        Value::Bare(bare) => writer.write_str(&bare)?,
                        Value::Text(text) => plain_or_quoted(&mut writer, &text)?,
                    }
                }
            }
            Self::Json => {
                write!(writer, "{{\"timestamp\":\"{now}\",\"level\":\"{level}\",\"event\":")?;
                quoted(&mut writer, &name)?;
                writer.write_str(",\"target\":")?;
                quoted(&mut writer, target)?;
                for (key, value) in fields.others {
                    write!(writer, ",\"{key}\":")?;
                    match value {
                        Value::Bare(bare) => writer.write_str(&bare)?,
                        Value::Text(text) => quoted(&mut writer, &text)?,
                    }
                }
                writer.write_char('}')?;
            }
        }
        writer.write_char('\n')
    }
}

/// The fields of one event, in order. Keys are names in our own code.
#[derive(Default)]
struct Fields {
    event: Option<String>,
    others: Vec<(&'static str, Value)>,
}

enum Value {
    /// A number or a truth value, which needs no quotes.
    Bare(String),
    Text(String),
}

impl Fields {
    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            "event" => self.event = Some(text),
            key => self.others.push((key, Value::Text(text))),
        }
    }

    fn bare(&mut self, field: &Field, bare: impl fmt::Display) {
        self.others.push((field.name(), Value::Bare(bare.to_string())));
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format!("{value:?}"));
    }
}

/// A word of letters, digits and the marks of addresses and ids stands as it is.
fn plain_or_quoted(writer: &mut impl Write, text: &str) -> fmt::Result {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/+[]".contains(&byte);
    if !text.is_empty() && text.len() <= limits::LOG_VALUE_CHARACTERS && text.bytes().all(is_plain) {
        writer.write_str(text)
    } else {
        quoted(writer, text)
    }
}

/// A JSON string in which nothing acts on a terminal or a line.
fn quoted(writer: &mut impl Write, text: &str) -> fmt::Result {
    writer.write_char('"')?;
    let mut characters = text.chars();
    for character in characters.by_ref().take(limits::LOG_VALUE_CHARACTERS) {
        match character {
            '"' | '\\' => {
                writer.write_char('\\')?;
                writer.write_char(character)?;
            }
            acting if acts(acting) => {
                for unit in acting.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            shown => writer.write_char(shown)?,
        }
    }
    if characters.next().is_some() {
        writer.write_char('…')?;
    }
    writer.write_char('"')
}

/// Control characters, line and paragraph separators, and the format characters of Unicode that hide or turn text.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Tells of a panic as an event: only where, because a message may hold a value. The log must not become many lines when
/// something is wrong.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("not shown");
        tracing::error!(event = "node.panicked", place, thread, message);
    }));
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Memory {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// What is written while `say` runs.
    fn written(lines: Lines, say: impl FnOnce()) -> String {
        let memory = Memory::default();
        let subscriber = tracing_subscriber::fmt().event_format(lines).with_writer(memory.clone()).finish();
        tracing::subscriber::with_default(subscriber, say);
        let bytes = memory.0.lock().expect("not poisoned").clone();
        String::from_utf8(bytes).expect("text")
    }

    /// One line, nothing in it that acts; the JSON form gives the value back.
    fn check(foreign: &str) {
        let say = || {
            let path = std::path::Path::new(foreign);
            tracing::warn!(event = "test.said", shown = %foreign, own = foreign, path = %path.display(), count = 3, foreign);
        };
        let text = written(Lines::Text, say);
        let json = written(Lines::Json, say);
        for line in [&text, &json] {
            let inside = line.strip_suffix('\n').expect("a line ends");
            assert!(!inside.chars().any(acts), "{line:?}");
        }
        assert!(text.contains(" count=3"), "{text}");
        let parsed: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let cut: String = foreign.chars().take(limits::LOG_VALUE_CHARACTERS).collect();
        let expected = if cut.len() < foreign.len() { format!("{cut}…") } else { cut };
        for key in ["shown", "own", "foreign"] {
            assert_eq!(parsed[key], expected.as_str(), "{json}");
        }
        assert_eq!(
            (&parsed["event"], &parsed["level"], &parsed["count"]),
            (&"test.said".into(), &"WARN".into(), &3.into())
        );
    }

    #[test]
    fn hostile_text_stays_inside_its_value() {
        for foreign in [
            "",
            "bank-a\n2026-01-01T00:00:00.000Z ERROR store.failed",
            "\r\n\r\n",
            "\u{1b}[2J\u{1b}]0;owned\u{7}",
            "x\" event=\"store.failed",
            "\",\"event\":\"store.failed",
            "a\u{202e}gnp.exe",
            "zero\u{200b}width\u{feff}",
            "line\u{2028}paragraph\u{2029}next\u{85}",
            "tag\u{e0041}\u{e007f}",
            "back\\slash\\",
            "../../etc/passwd\0",
            &"long ".repeat(5_000),
        ] {
            check(foreign);
        }
    }

    #[test]
    fn a_foreign_value_cannot_pass_for_a_field() {
        let said =
            written(Lines::Text, || tracing::info!(event = "exchange.ended", failure = %"gone event=store.failed"));
        assert!(said.ends_with(" INFO  exchange.ended failure=\"gone event=store.failed\"\n"), "{said}");
        let plain = written(Lines::Text, || tracing::info!(event = "node.ready", local = %"127.0.0.1:7440"));
        assert!(plain.ends_with(" INFO  node.ready local=127.0.0.1:7440\n"), "{plain}");
    }

    proptest! {
        #[test]
        fn any_text_makes_one_line(foreign in any::<String>()) {
            check(&foreign);
        }
    }
}
