//! Downloads of files that the server told the device to fetch.

use super::{Acknowledgement, Session, SessionError};

impl Session {
    /// Downloads each file and queues the acknowledgement.
    pub(super) async fn fetch_files(&mut self) -> Result<Vec<Acknowledgement>, SessionError> {
        let mut done = Vec::new();
        for fetch in self.device.take_fetches() {
            let answer = self.send(fetch.target.clone(), None).await?;
            let content = (answer.status == 200).then_some(answer.body.as_slice());
            done.push(self.device.fetched(fetch, content));
        }
        for acknowledgement in &done {
            self.put_into_outbox(acknowledgement);
        }
        Ok(done)
    }
}
