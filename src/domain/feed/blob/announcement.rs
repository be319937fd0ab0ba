//! Kind 8: a member announces an epoch, a key change or the recovery of its own feed.

use prost::Message;

use crate::base::bytes::Incarnation;
use crate::base::name::MemberId;
use crate::base::time::Hour;
use crate::domain::feed::blob::{BlobError, plain};
use crate::domain::wire;

/// Characters of a subject.
const SUBJECT_CHARACTERS: usize = 128;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub reporter: MemberId,
    pub hour: Hour,
    /// What is announced, e.g. `recovered-after-restore`.
    pub subject: String,
    pub incarnation: Option<Incarnation>,
}

impl Announcement {
    pub fn encode(&self) -> Vec<u8> {
        wire::AnnouncementBlob {
            reporter: self.reporter.as_str().to_owned(),
            hour: self.hour.0,
            subject: self.subject.clone(),
            incarnation: self.incarnation.map(|incarnation| incarnation.as_bytes().to_vec()).unwrap_or_default(),
        }
        .encode_to_vec()
    }

    pub fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let message = wire::AnnouncementBlob::decode(blob).map_err(|_| BlobError::NotAMessage)?;
        let incarnation = Some(message.incarnation.as_slice()).filter(|bytes| !bytes.is_empty());
        Ok(Self {
            reporter: message.reporter.parse()?,
            hour: Hour(message.hour),
            subject: plain("subject", SUBJECT_CHARACTERS, message.subject)?,
            incarnation: incarnation.map(Incarnation::try_from).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::WrongLength;

    #[test]
    fn an_announcement_comes_back_from_its_bytes_and_its_incarnation_is_whole_or_absent() {
        let announcement = Announcement {
            reporter: "bank-a".parse().expect("a valid name"),
            hour: Hour(7),
            subject: "recovered-after-restore".to_owned(),
            incarnation: Some(Incarnation([1; 16])),
        };
        assert_eq!(Announcement::decode(&announcement.encode()), Ok(announcement.clone()));
        let without = Announcement { incarnation: None, ..announcement.clone() };
        assert_eq!(Announcement::decode(&without.encode()), Ok(without));
        let mut message = wire::AnnouncementBlob::decode(announcement.encode().as_slice()).expect("ours");
        message.incarnation.truncate(15);
        let short = WrongLength { what: "incarnation", expected: 16, got: 15 };
        assert_eq!(Announcement::decode(&message.encode_to_vec()), Err(short.into()));
    }
}
