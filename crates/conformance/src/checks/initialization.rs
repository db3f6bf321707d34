//! `GET /iclock/cdata?options=all` (§5).

use crate::checks::identity::INTRODUCTION;
use crate::exchange::{Verdict, require};
use crate::trial::Trial;

/// The lines of an option block.
struct Block(Vec<(String, String)>);

impl Block {
    fn read(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self(pairs.map(|(key, value)| (key.to_owned(), value.trim_end().to_owned())).collect())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn is(&self, key: &str, value: &str) -> Verdict {
        require(self.get(key) == Some(value), &format!("{key}={value}"))
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.get(key)?.parse().ok()
    }

    /// Expects the key to be absent, or a number within these limits.
    fn within(&self, key: &str, least: i64, most: i64) -> Verdict {
        let right =
            self.get(key).is_none() || self.number(key).is_some_and(|one| (least..=most).contains(&one));
        require(right, &format!("{key} from {least} to {most}"))
    }
}

const STAMPS: [&str; 6] =
    ["ATTLOGStamp", "OPERLOGStamp", "ATTPHOTOStamp", "BIODATAStamp", "IDCARDStamp", "ERRORLOGStamp"];

pub(crate) async fn check(trial: &mut Trial) {
    let Trial { a, joining, ledger, .. } = trial;
    let first = a.introduce(INTRODUCTION).await;
    let again = a.introduce(INTRODUCTION).await;
    let block = first.text().starts_with("GET OPTION FROM: ");
    let same = require(block && again.text() == first.text(), "the same option block once more");
    ledger.judge(&[44], "an introduction right after another", &again, same);

    let text = first.text();
    let begin = format!("GET OPTION FROM: {}\n", a.serial);
    let is_block = text.starts_with(&begin);
    let mut judge = |obligations: &[u16], verdict: Verdict| {
        let verdict = verdict.and(require(is_block, "an option block"));
        ledger.judge(obligations, "a device of version 2.4.1 introduces itself", &first, verdict);
    };
    judge(&[45], require(is_block, &format!("a body that begins with {begin:?}")));
    let lines =
        text.ends_with('\n') && !text.contains('\r') && text.lines().skip(1).all(|line| line.contains('='));
    judge(&[46], require(lines, "one key=value a line, each with LF at its end"));
    let block = Block::read(&text);
    for key in ["ServerVer", "PushProtVer"] {
        let right = block.get(key).and_then(version).is_some_and(|version| version >= vec![2, 2, 14]);
        judge(&[47], require(right, &format!("{key} of at least 2.2.14")));
    }
    for key in STAMPS {
        let right = matches!(block.get(key), None | Some("None" | "0" | "9999"));
        judge(&[51], require(right, &format!("{key}=None, or 0 to have everything, or what was received")));
    }
    let flag = block.get("TransFlag").unwrap_or_default();
    let words: Vec<&str> =
        flag.strip_prefix("TransData").unwrap_or_default().trim_start().split('\t').collect();
    judge(
        &[54],
        require(
            flag.starts_with("TransData") && words.len() > 1,
            "TransFlag=TransData and words between tabs",
        ),
    );
    judge(&[55], require(words.contains(&"OpLog"), "OpLog among the words of TransFlag"));
    let zone =
        block.number("TimeZone").is_some_and(|zone| zone.abs() <= 12 || (61..=840).contains(&zone.abs()));
    judge(&[56], require(zone, "TimeZone in hours up to 12, or in minutes beyond 60"));
    judge(&[58], block.is("Realtime", "1"));
    judge(&[59], block.within("Delay", 2, 60));
    judge(&[59], block.within("ErrorDelay", 30, 300));
    let times = block.get("TransTimes").map_or(0, |times| times.split(';').count());
    judge(&[59], require(times <= 10, "at most ten TransTimes"));
    judge(&[60], block.is("Encrypt", "0"));
    let none = block.get("EncryptFlag").is_none_or(|flag| !flag.contains('1'));
    judge(&[61], require(none, "no EncryptFlag, or one without a 1"));
    judge(&[62], block.is("PushOptionsFlag", "1"));
    for key in ["MultiBioDataSupport", "MultiBioPhotoSupport"] {
        let array = block.get(key).is_some_and(|array| array.split(':').all(|one| matches!(one, "0" | "1")));
        judge(&[63], require(array, &format!("{key}: 0 or 1 for each type, between colons")));
    }
    judge(&[64], block.is("SupportPing", "1"));
    judge(&[145], require(block.get("PostSelfDefineDataType").is_none(), "no PostSelfDefineDataType"));

    let old = joining.introduce("&language=69").await;
    let served =
        require(old.status() == 200 && old.text().starts_with("GET OPTION FROM: "), "an option block");
    ledger.judge(&[48], "a device without a version introduces itself", &old, served);
    let block = Block::read(&old.text());
    let legacy = ["Stamp", "OpStamp", "PhotoStamp"].iter().all(|key| block.get(key).is_some());
    let verdict = require(legacy, "Stamp, OpStamp and PhotoStamp as well");
    ledger.judge(&[53], "a device without a version introduces itself", &old, verdict);
    joining.introduce(INTRODUCTION).await;
}

/// Splits `2.4.1` into numbers.
fn version(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

/// The stamp of a table in an option block.
pub(crate) fn stamp(text: &str, key: &str) -> Option<String> {
    Block::read(text).get(key).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version("2.4.1") > version("2.2.14") && version("2.10.0") > version("2.9.9"));
        assert_eq!(version("2.x"), None);
    }

    #[test]
    fn a_stamp_keeps_the_text_after_its_first_equals_sign() {
        assert_eq!(
            stamp("GET OPTION FROM: 1\nOPERLOGStamp=1+2=3\n", "OPERLOGStamp").as_deref(),
            Some("1+2=3")
        );
    }
}
