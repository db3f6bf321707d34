//! Files that the device was told to fetch.

use super::{Acknowledgement, Session, SessionError};

impl Session {
    /// Fetches each file, and puts what became of it into the outbox.
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
