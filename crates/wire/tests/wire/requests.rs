//! Targets of captured requests.

use wire::{Dialect, Endpoint, Handshake, Table, Version};

use crate::capture::Capture;

#[test]
fn each_captured_request_has_its_endpoint_and_its_table() {
    let people = Some(Table::People);
    let acc = |name: &str| Some(Table::AccessControl(name.to_owned()));
    for (name, endpoint, table) in [
        ("a01-handshake", Endpoint::Cdata, None),
        ("a02-options", Endpoint::Cdata, Some(Table::Options)),
        ("a03-operlog-boot", Endpoint::Cdata, people.clone()),
        ("a04-getrequest-info10", Endpoint::GetRequest, None),
        ("a07-biodata-palm12-5parts", Endpoint::Cdata, people),
        ("a12-attlog-empty-pin-temperature", Endpoint::Cdata, Some(Table::Attendance)),
        ("b06-devicecmd-hex-id", Endpoint::DeviceCommand, None),
        ("c03-get-putfile", Endpoint::Other, None),
        ("f04-attphoto-base64", Endpoint::Cdata, Some(Table::AttendancePhoto)),
        ("g02-acc-registry", Endpoint::Registry, None),
        ("g03-acc-tabledata-user", Endpoint::Cdata, acc("tabledata")),
        ("g05-acc-querydata-user", Endpoint::QueryData, None),
        ("k02-ping", Endpoint::Ping, None),
        ("v01-acc-rtlog-cookie-headers", Endpoint::Cdata, acc("rtlog")),
    ] {
        let capture = Capture::read(name);
        let target = capture.target();
        assert_eq!(target.endpoint, endpoint, "{name}");
        assert_eq!(target.query.table().map(|table| Table::read(&table)), table, "{name}");
    }
    assert!(Capture::read("c03-get-putfile").target().query.serial_number().is_err());
}

#[test]
fn a_handshake_holds_version_language_and_dialect() {
    let handshake = |name| Handshake::read(&Capture::read(name).target().query);

    let plain = handshake("a01-handshake");
    assert_eq!(plain.push_version, Some(Version::V2_4_1));
    assert_eq!(plain.language, Some(69));
    assert_eq!((plain.device_type, plain.comm_key), (None, None));
    assert_eq!(plain.dialect, Dialect::Attendance);

    let middle_east = handshake("e01-handshake-middle-east");
    assert_eq!(middle_east.device_type.as_deref(), Some("middle east"));
    assert_eq!(middle_east.dialect, Dialect::Attendance);

    let chinese = handshake("f01-handshake-commkey");
    assert_eq!(chinese.language, Some(83));
    assert_eq!(chinese.comm_key.as_deref(), Some("kqpvre"));

    assert_eq!(handshake("g01-acc-handshake").dialect, Dialect::AccessControl);
}

#[test]
fn uploads_carry_their_stamp() {
    let capture = Capture::read("a06-operlog-user");
    assert_eq!(capture.target().query.stamp().as_deref(), Some("9999"));
    assert_eq!(Capture::read("a01-handshake").target().query.stamp(), None);
}

#[test]
fn the_info_of_a_poll_is_whole() {
    let capture = Capture::read("a04-getrequest-info10");
    let info = capture.target().query.get("INFO").map(|text| text.split(',').count());
    assert_eq!(info, Some(10));
}
