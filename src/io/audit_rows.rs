//! Records of the audit log as rows: for a spreadsheet, and for a program that reads a line at a time. The command line and the
//! console write the same columns, so that what one reads the other can be compared with.

use serde::Serialize;

use crate::base::position::EntryIndex;
use crate::domain::audit::evidence::RecordText;
use crate::domain::audit::record::AuditRecord;

/// Names of the columns. Times are RFC 3339 in UTC.
pub const COLUMNS: [&str; 7] = ["index", "time", "outcome", "action", "subject", "actor", "fields"];

/// The cells of a record, not yet safe from a spreadsheet.
pub fn cells(index: EntryIndex, record: &AuditRecord) -> [String; 7] {
    let fields: Vec<String> = record.fields().map(|(name, value)| format!("{name}={value}")).collect();
    [
        index.to_string(),
        record.time().to_string(),
        record.outcome().name().to_owned(),
        record.action().to_owned(),
        record.subject().to_owned(),
        record.actor().to_owned(),
        fields.join("; "),
    ]
}

/// A record as JSON.
#[derive(Debug, Serialize)]
pub struct AuditRow {
    index: u64,
    #[serde(flatten)]
    record: RecordText,
}

impl AuditRow {
    pub fn new(index: EntryIndex, record: &AuditRecord) -> Self {
        Self { index: index.0, record: RecordText::from(record) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Timestamp;
    use crate::domain::audit::event::AuditEvent;
    use crate::domain::audit::record::Actor;

    #[test]
    fn a_record_is_the_same_in_a_row_and_in_json() {
        let event = AuditEvent::AuditProved { index: None };
        let record = event.into_record(Timestamp::from_unix_ms(1_795_000_000_123), &Actor::Node);
        let time = "2026-11-18T11:06:40.123Z";
        let cells = cells(EntryIndex(7), &record);
        assert_eq!(cells, ["7", time, "ok", "audit.proved", "", "node", "found=false"]);
        let json = serde_json::to_string(&AuditRow::new(EntryIndex(7), &record)).expect("plain values");
        let expected = format!(
            "{{\"index\":7,\"time\":\"{time}\",\"actor\":\"node\",\"action\":\"audit.proved\",\"subject\":\"\",\
             \"outcome\":\"ok\",\"fields\":{{\"found\":\"false\"}}}}"
        );
        assert_eq!(json, expected);
    }
}
