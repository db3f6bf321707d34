//! What the device reports, body after body.

use super::{Session, SessionError};
use crate::device::Upload;

impl Session {
    /// Posts all that the device has to report, batch after batch.
    ///
    /// Returns how many records were taken. What was not taken stays in the queue of the device.
    ///
    /// # Errors
    /// When a batch is not taken.
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

    /// Posts the bodies that answer queries and come before the acknowledgements.
    pub(super) async fn upload_answers(&mut self) -> Result<(), SessionError> {
        while let Some(answer) = self.device.next_answer() {
            if !self.post(&answer).await? {
                break;
            }
        }
        Ok(())
    }

    /// Posts a body; false when the answer of the server was lost and the body stays in the queue.
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
