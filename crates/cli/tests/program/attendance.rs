//! Punches and other records, shown and written into files.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::{Place, Server};

/// What the server answers to an upload.
fn upload(server: &Server, table: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.listen).expect("the server listens");
    let head = format!(
        "POST /iclock/cdata?SN=A1&table={table} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers");
    answer.rsplit("\r\n").next().unwrap_or_default().to_owned()
}

const PUNCHES: &str = "7\t2027-03-11 23:59:59\t0\t1\n\
                       =cmd|'/C calc'!A0\t2027-03-12 06:53:01\t0\t15\t+17\t0\t0\t1\t36.6\n\
                       \t2027-03-12 06:53:02\t255\t-1\n\
                       007\t2027-03-13 00:00:00\t0\t15\t0\t0\t0\t990101198001011234\t0\n";

fn place() -> (Place, Server) {
    let place = Place::new();
    fs::write(place.path().join("muster.toml"), "attendance = \"keep\"\ntime_zone = \"Europe/Vienna\"\n")
        .expect("written");
    let server = place.serve("--admission open");
    assert_eq!(upload(&server, "ATTLOG", PUNCHES.as_bytes()), "OK:4");
    (place, server)
}

#[test]
fn punches_are_listed_and_exported_as_a_spreadsheet_takes_them() {
    let (place, _server) = place();
    let list = place.run("attendance list --limit 2").ok();
    assert!(list.contains("2027-03-13 00:00:00  007") && list.contains("identity card"), "{list}");
    assert!(!list.contains("990101198001011234"), "{list}");
    assert_eq!(place.json("attendance list")[0]["id_number"], "990101198001011234");
    assert_eq!(place.json("attendance list --pin 7").as_array().map(Vec::len), Some(1));

    let ran = place.run("attendance export --from 2027-03-12 --to 2027-03-12 --device A1").ok();
    let lines: Vec<&str> = ran.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "device,pin,time,time_zone,status,verify,work_code,mask,temperature,converted_temperature,time_offset_s,\
         id_number,card_kind,received_at"
    );
    let received = |line: &str| line.rsplit_once(',').map(|(rest, _)| rest.to_owned()).expect("a time");
    assert_eq!(
        lines[1..3].iter().map(|line| received(line)).collect::<Vec<_>>(),
        [
            "A1,'=cmd|'/C calc'!A0,2027-03-12 06:53:01,Europe/Vienna,0,15,'+17,1,36.6,,,,",
            "A1,,2027-03-12 06:53:02,Europe/Vienna,255,-1,,,,,,,"
        ]
    );
    assert_eq!(lines[3..], [""]);

    assert_eq!(place.run("attendance export --output all.csv").ok(), "4 punches in all.csv\n");
    let file = place.path().join("all.csv");
    assert_eq!(fs::read_to_string(&file).expect("written").lines().count(), 5);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    }
    assert!(place.run("attendance export --output all.csv").failed(1).contains("all.csv is there already"));
    let json = place.run("attendance export --json --pin 007").ok();
    let punch: serde_json::Value = serde_json::from_str(&json).expect("one object a line");
    assert_eq!((&punch["pin"], &punch["card_kind"]), (&"007".into(), &0.into()));

    assert!(place.run("attendance list --device A2").failed(1).contains("is A1 meant?"));
    place.run("attendance list --from yesterday").failed(2);
}

#[test]
fn pictures_and_other_records_are_shown_and_written() {
    let (place, server) = place();
    assert_eq!(place.run("attendance photos").ok(), "no pictures of punches\n");
    let picture = b"PIN=20270312065301-7.jpg\nSN=A1\nsize=6\nCMD=uploadphoto\0\xff\xd8\0\n\xff\xd9";
    assert_eq!(upload(&server, "ATTPHOTO", picture), "OK");
    let id = place.json("attendance photos")[0]["id"].to_string();
    assert!(place.run(&format!("attendance photo {id}")).ok().contains("20270312065301-7.jpg"));
    let written = fs::read(place.path().join("20270312065301-7.jpg")).expect("written");
    assert_eq!(written, b"\xff\xd8\0\n\xff\xd9");
    assert!(place.run("attendance photo 99").failed(1).contains("there is no picture 99"));

    assert_eq!(place.run("record list").ok(), "no device has sent such a record\n");
    assert_eq!(upload(&server, "ERRORLOG", b"ERRORLOG ErrCode=D01E0003\tErrMsg="), "OK");
    assert_eq!(upload(&server, "IDCARD", b"IDCARD PIN=7\tIDNum=990101198001011234\tName=Ilse"), "OK:1");
    let list = place.run("record list").ok();
    assert!(list.contains("D01E0003 the photo is not sharp enough"), "{list}");
    let cards = place.json("record list --kind id-card");
    let id = cards[0]["id"].to_string();
    let shown = place.run(&format!("record show {id}")).ok();
    assert!(!list.contains("Ilse") && !shown.contains("Ilse"), "{list}{shown}");
    assert!(place.run(&format!("record show {id} --raw")).ok().contains("Name=Ilse"));
    assert!(place.run("record show 99").failed(1).contains("there is no record 99"));
}
