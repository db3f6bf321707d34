//! CPU-bound work on an upload: a whole roster takes tenths of a second.

use tokio::runtime::{Handle, RuntimeFlavor};

/// From this body size on, the work takes some milliseconds.
const LONG_BYTES: usize = 1 << 20;

/// Runs CPU-bound work on a body of `bytes` bytes. If the body is large, other threads take over the tasks of this thread, so
/// that polls of other devices do not wait.
pub fn run_cpu_bound<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let others =
        Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if others && bytes >= LONG_BYTES { tokio::task::block_in_place(work) } else { work() }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Without `block_in_place`, a task that waits for the only worker thread would wait for ever.
    #[test]
    fn other_tasks_continue_meanwhile() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        let told = runtime.spawn(async {
            let (tell, told) = mpsc::channel();
            tokio::spawn(async move { tell.send(7) });
            run_cpu_bound(LONG_BYTES, || told.recv_timeout(Duration::from_mins(1)))
        });
        assert_eq!(runtime.block_on(told).expect("no panic"), Ok(7));
    }

    #[tokio::test]
    async fn without_other_threads_the_work_still_runs() {
        assert_eq!(run_cpu_bound(LONG_BYTES, || 7), 7);
    }
}
