//! Parameters of a device, by which it describes itself.

/// Most parameters that are read; the rest is ignored.
pub(crate) const MAX_PARAMETERS: usize = 4_096;

/// Reads the parameters of a `table=options` body (§8) or of the lines of an `INFO` reply (§12.4).
///
/// Commas or line ends separate the `key=value` pairs. A part without `=` belongs to the value before it, because
/// company names contain commas (field note 9.3). Blanks around keys and values are dropped; an empty value means
/// that the device has not set the parameter. The result has the order of the body and may repeat a key: the last
/// one counts. After 4,096 pairs reading stops, because a pair takes at least three bytes on the wire and much
/// more memory. Bytes that are not UTF-8 become replacement characters: no parameter that Muster uses has any.
pub fn read_parameters(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let mut parameters: Vec<(String, String)> = Vec::new();
    'all: for line in text.split(['\n', '\r', '\0']) {
        for (place, fragment) in line.split(',').enumerate() {
            match fragment.split_once('=') {
                Some(_) if parameters.len() == MAX_PARAMETERS => break 'all,
                Some((key, value)) => parameters.push((key.trim().to_owned(), value.to_owned())),
                None => continue_value(&mut parameters, fragment, if place == 0 { ' ' } else { ',' }),
            }
        }
    }
    parameters.retain(|(key, _)| !key.is_empty());
    for (_, value) in &mut parameters {
        value.truncate(value.trim_end().len());
        value.drain(..value.len() - value.trim_start().len());
    }
    parameters
}

/// Whether a parameter may be a secret, by its name. In doubt it is one.
pub fn is_secret_parameter(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // Muster treats `CommKey` and `EncryptKey` as secrets, but not `KeyPadBeep`.
    let is_key = key.ends_with("key") || key.contains("comkey") || key.contains("commkey");
    is_key || ["passw", "pwd", "secret", "token", "factor"].iter().any(|word| key.contains(word))
}

/// Appends a part that `separator` split off to the last value; an empty line appends nothing.
fn continue_value(parameters: &mut [(String, String)], fragment: &str, separator: char) {
    let Some((_, value)) = parameters.last_mut() else { return };
    if separator == ',' || !fragment.trim().is_empty() {
        value.push(separator);
        value.push_str(fragment);
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    fn value<'a>(parameters: &'a [(String, String)], key: &str) -> &'a str {
        &parameters.iter().find(|(name, _)| name == key).unwrap().1
    }

    /// Obligation 70.
    #[test]
    fn a_comma_within_a_value_does_not_split_it() {
        let body = b"~DeviceName=iFace950 Plus,~OEMVendor=ZKTeco Co., Ltd.,FWVersion=ZMM720-NF43HB-Ver1.2.16,VideoTID=";
        let parameters = read_parameters(body);
        assert_eq!(parameters.len(), 4);
        assert_eq!(value(&parameters, "~OEMVendor"), "ZKTeco Co., Ltd.");
        assert_eq!(value(&parameters, "FWVersion"), "ZMM720-NF43HB-Ver1.2.16");
        assert_eq!(value(&parameters, "VideoTID"), "");
    }

    /// Obligation 71.
    #[test]
    fn lines_and_commas_separate_pairs() {
        let lines = read_parameters(
            b"~DeviceName=TestTerm 5\r\n~OEMVendor=ZKTeco Co., Ltd.\r\n\r\nUserCount= 51 \n\0",
        );
        let commas = read_parameters(b"~DeviceName=TestTerm 5, ~OEMVendor=ZKTeco Co., Ltd.,UserCount=51");
        assert_eq!(lines, commas);
        assert_eq!(value(&lines, "UserCount"), "51");
    }

    #[test]
    fn a_secret_is_recognised_by_its_name() {
        for key in ["CommKey", "~ComKey", "AdminPassword", "WifiPwd", "PublicKey", "Token", "COMMKEY"] {
            assert!(is_secret_parameter(key), "{key}");
        }
        for key in ["UserCount", "~DeviceName", "VOLUME", "KeyPadBeep", "IPAddress"] {
            assert!(!is_secret_parameter(key), "{key}");
        }
    }

    #[test]
    fn a_value_keeps_its_equals_signs() {
        assert_eq!(
            read_parameters(b"Key=YWI=,Next=1"),
            [("Key".into(), "YWI=".into()), ("Next".into(), "1".into())]
        );
    }

    #[test]
    fn text_before_the_first_pair_and_values_without_a_key_are_dropped() {
        assert_eq!(read_parameters(b"OK,,\n=3,A=1"), [("A".into(), "1".into())]);
        assert!(read_parameters(b"").is_empty());
    }

    #[test]
    fn parameters_beyond_the_limit_are_left_out() {
        let body = "a=1,".repeat(100_000);
        assert_eq!(read_parameters(body.as_bytes()).len(), 4_096);
        // Text after the last pair that counts does not become a part of its value.
        let body = format!("{}b=2,c", "a=1,".repeat(4_096));
        assert_eq!(read_parameters(body.as_bytes()).last(), Some(&("a".to_owned(), "1".to_owned())));
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(241), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pairs_come_back_in_their_order(
            pairs in prop::collection::vec(("[~A-Za-z0-9]{1,12}", "[A-Za-z0-9.:=]{0,12}(, [A-Za-z.]{1,5})?"), 0..20),
            line_ends in any::<bool>(),
        ) {
            let separator = if line_ends { "\n" } else { "," };
            let body = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(separator);
            prop_assert_eq!(read_parameters(body.as_bytes()), pairs);
        }

        #[test]
        fn any_bytes_are_read_without_controls_or_bare_keys(body in prop::collection::vec(any::<u8>(), 0..200)) {
            for (key, value) in read_parameters(&body) {
                prop_assert!(!key.is_empty() && key.trim() == key && value.trim() == value);
                prop_assert!(!key.contains(['\n', '\r', '\0']) && !value.contains(['\n', '\r', '\0']));
            }
        }
    }
}
