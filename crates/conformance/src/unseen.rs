//! What does not show from outside, and why.

/// Obligations that no request of a device can tell anything of.
pub(crate) const UNSEEN: &[(u16, &str)] = &[
    (17, "logs do not show from outside"),
    (18, "what is stored does not show from outside"),
    (21, "asks for a proxy with TLS in front of the server"),
    (31, "what is stored does not show from outside"),
    (37, "PINs that differ in case are two PINs on devices in the field"),
    (40, "what operators see does not show to devices"),
    (41, "what is stored does not show from outside"),
    (43, "logs do not show from outside"),
    (49, "the lower version is the device's to choose"),
    (50, "what is stored does not show from outside"),
    (57, "asks for a site whose offset changes"),
    (67, "what operators see does not show to devices"),
    (72, "what is stored does not show from outside"),
    (76, "what is stored does not show from outside"),
    (88, "asks for an operator who restarts a device"),
    (90, "asks for more time than a trial takes"),
    (97, "asks for a server that is killed"),
    (99, "asks for a database that fails"),
    (110, "what is stored does not show from outside"),
    (132, "what is stored does not show from outside"),
    (133, "asks for a device with near-infrared faces"),
    (134, "asks for a device with near-infrared faces"),
    (142, "what operators see does not show to devices"),
    (147, "shows only where remote attendance is on"),
    (149, "shows only where remote attendance is on"),
    (156, "the operator's choice"),
    (159, "asks for an operator who queries templates"),
    (160, "asks for an operator who sets access rules"),
    (161, "asks for an operator who queries a time"),
    (162, "asks for an operator who sets options"),
    (163, "what operators see does not show to devices"),
    (164, "what operators see does not show to devices"),
    (166, "asks for an operator who upgrades a device"),
    (167, "shows only where photos go by URL"),
    (176, "shows only after the time that an answer may take"),
    (178, "asks for an operator who orders such commands"),
    (184, "what is stored does not show from outside"),
    (185, "asks for more time than a trial takes"),
    (186, "asks for an operator who verifies sums"),
    (189, "asks for more time than a trial takes"),
    (194, "asks for an operator who gives a PIN to somebody else"),
    (195, "asks for a larger fleet than is played"),
    (196, "shows only at the limit of a device"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_once_in_order() {
        assert!(UNSEEN.is_sorted_by(|one, other| one.0 < other.0));
    }
}
