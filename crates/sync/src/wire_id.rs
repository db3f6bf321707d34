//! Ids of commands on the wire (§12): at most 16 letters and digits, never used twice.

/// Number of characters for the line of a command.
const LINE_CHARACTERS: usize = 2;

/// An id that no other command of the device has had: the number of the command and four random characters. If
/// numbers repeat after a restored backup, the random characters make the ids differ. At most 13 characters, so that
/// two more for the line stay within 16 (§12).
pub fn wire_id(number: i64, salt: u64) -> String {
    let mut tail = salt ^ number.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut id: Vec<char> = (0..4)
        .map(|_| {
            let next = digit(tail);
            tail /= 36;
            next
        })
        .collect();
    let mut number = number.unsigned_abs();
    while number > 0 {
        id.push(digit(number));
        number /= 36;
    }
    id.iter().rev().collect()
}

/// The id of one line of a command.
pub fn line_id(wire_id: &str, line: u16) -> String {
    format!("{wire_id}{}{}", digit(u64::from(line) / 36), digit(u64::from(line)))
}

/// Splits the id of a line into the id of its command and the number of the line. `None` for any other text.
pub fn split_line_id(id: &str) -> Option<(&str, u16)> {
    let (wire_id, line) = id.split_at_checked(id.len().checked_sub(LINE_CHARACTERS)?)?;
    let line = u16::from_str_radix(line, 36).ok()?;
    (!wire_id.is_empty()).then_some((wire_id, line))
}

/// The last digit of `value` in base 36.
fn digit(value: u64) -> char {
    u32::try_from(value % 36).ok().and_then(|value| char::from_digit(value, 36)).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fault 30 of other servers: a command id longer than 16 characters.
    ///
    /// Obligation 80.
    #[test]
    fn an_id_fits_and_splits_again_for_every_number_and_line() {
        for number in [1, 35, 36, 1_000_000, i64::from(u32::MAX)] {
            for line in [0, 1, 35, 36, 63, 1295] {
                let id = line_id(&wire_id(number, 0xdead_beef_0bad_cafe), line);
                assert!(id.len() <= 16 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
                assert!(!id.starts_with('0'), "{id}");
                assert_eq!(split_line_id(&id).map(|(_, line)| line), Some(line));
            }
        }
    }

    #[test]
    fn the_same_number_with_other_randomness_is_another_id() {
        assert_ne!(wire_id(7, 1), wire_id(7, 2));
        assert_eq!(wire_id(7, 1), wire_id(7, 1));
    }

    #[test]
    fn a_text_of_another_form_is_no_line_id() {
        for id in ["", "1", "01", "é1", "abc!!"] {
            assert_eq!(split_line_id(id), None, "{id}");
        }
    }
}
