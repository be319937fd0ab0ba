//! A raw text of a history, an identifier or a customer's reference, shared by all who name it. Closed: no content in `Debug`,
//! wiped when the last one lets go.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// See the module's documentation. Ordered as text.
#[derive(Clone)]
pub struct RawText(Arc<Zeroizing<String>>);

impl RawText {
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(Arc::new(text))
    }

    /// For the node, which closes it again.
    pub fn copied(&self) -> String {
        self.as_str().to_owned()
    }

    fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for RawText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawText(…)")
    }
}

impl PartialEq for RawText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RawText {}

impl PartialOrd for RawText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RawText {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}
