//! Uploads of a session.

use super::{Session, SessionError};
use crate::device::Upload;

impl Session {
    /// Posts all pending reports, batch by batch.
    ///
    /// Returns the number of accepted records. Refused records stay in the queue of the device.
    ///
    /// # Errors
    /// The server did not accept a batch.
    pub async fn upload_pending(&mut self) -> Result<u64, SessionError> {
        let mut records = 0;
        while let Some(upload) = self.device.next_upload() {
            if !self.post(&upload).await? {
                break;
            }
            records += u64::try_from(upload.records).unwrap_or(u64::MAX);
        }
        Ok(records)
    }

    /// Posts the answers to queries that precede the acknowledgements.
    pub(super) async fn upload_answers(&mut self) -> Result<(), SessionError> {
        while let Some(answer) = self.device.next_answer() {
            if !self.post(&answer).await? {
                break;
            }
        }
        Ok(())
    }

    /// Posts a body; returns false when the server's answer was lost, so that the body stays in the queue.
    async fn post(&mut self, upload: &Upload) -> Result<bool, SessionError> {
        let query = format!("SN={}&table={}&{}", self.device.serial(), upload.table, upload.stamp);
        let target = self.target("cdata", &query);
        let answer = self.send(target, Some(upload.body.clone())).await?;
        self.tally.upload_latency.record(answer.elapsed);
        self.check(&format!("POST /iclock/cdata?table={}", upload.table), &answer)?;
        if self.device.random.chance(self.device.faults().lose_upload_answers) {
            self.fail("lost answer to an upload");
            return Ok(false);
        }
        self.device.uploaded(upload);
        self.tally.uploads += 1;
        self.tally.records += u64::try_from(upload.records).unwrap_or(u64::MAX);
        Ok(true)
    }
}
