//! Words for a table that Muster asked a device to upload again.
use fleet::view::device::{RereadStage, RereadView};
use roster::Millis;

use crate::render::when::When;

/// `OPERLOG: asked for 3 min ago, received 120 records, the last 1 min ago`.
pub fn words(reread: &RereadView, when: &When) -> String {
    let ago = |at: Option<Millis>| at.map(|at| when.relative(at)).unwrap_or_default();
    let how_far = match reread.stage {
        RereadStage::Asked => "the device has not fetched the request yet".to_owned(),
        RereadStage::Told => "the device has the request and has not begun".to_owned(),
        RereadStage::Done => {
            format!("received {} records, the last {}", reread.records, ago(reread.last_at))
        }
        RereadStage::Begun => format!(
            "began {}, {} records so far (the last {})",
            ago(reread.begun_at),
            reread.records,
            ago(reread.last_at)
        ),
    };
    format!("{}: asked for {}, {how_far}", reread.table, when.relative(reread.asked_at))
}
