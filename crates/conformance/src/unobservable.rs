//! Obligations that are not visible from outside, with reasons.

/// Obligations that no request of a device can test.
pub(crate) const UNOBSERVABLE: &[(u16, &str)] = &[
    (17, "logs are not visible from outside"),
    (18, "stored data is not visible from outside"),
    (21, "needs a proxy with TLS in front of the server"),
    (31, "stored data is not visible from outside"),
    (37, "PINs that differ in case are two PINs on devices in the field"),
    (40, "output for operators is not visible to devices"),
    (41, "stored data is not visible from outside"),
    (43, "logs are not visible from outside"),
    (49, "the lower version is the device's to choose"),
    (50, "stored data is not visible from outside"),
    (57, "needs a site whose offset changes"),
    (67, "output for operators is not visible to devices"),
    (72, "stored data is not visible from outside"),
    (76, "stored data is not visible from outside"),
    (88, "needs an operator who restarts a device"),
    (90, "needs more time than a trial takes"),
    (97, "needs a server that is killed"),
    (99, "needs a database that fails"),
    (110, "stored data is not visible from outside"),
    (132, "stored data is not visible from outside"),
    (133, "needs a device with near-infrared faces"),
    (134, "needs a device with near-infrared faces"),
    (142, "output for operators is not visible to devices"),
    (147, "visible only where remote attendance is on"),
    (149, "visible only where remote attendance is on"),
    (156, "the operator's choice"),
    (159, "needs an operator who queries templates"),
    (160, "needs an operator who sets access rules"),
    (161, "needs an operator who queries a time"),
    (162, "needs an operator who sets options"),
    (163, "output for operators is not visible to devices"),
    (164, "output for operators is not visible to devices"),
    (166, "needs an operator who upgrades a device"),
    (167, "visible only where photos are sent by URL"),
    (176, "visible only after the time that an answer may take"),
    (178, "needs an operator who sends such commands"),
    (184, "stored data is not visible from outside"),
    (185, "needs more time than a trial takes"),
    (186, "needs an operator who verifies sums"),
    (189, "needs more time than a trial takes"),
    (194, "needs an operator who gives a PIN to somebody else"),
    (195, "needs a larger fleet than is played"),
    (196, "visible only at the limit of a device"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_once_in_order() {
        assert!(UNOBSERVABLE.is_sorted_by(|one, other| one.0 < other.0));
    }
}
