//! Stories of one device without a network.

mod obeying;
mod querying;
mod quirks;
mod reporting;

use wire::BioType;

use super::*;
use crate::{
    content::Payload,
    difference::difference,
    quirks::{Form, Refusal},
    testing::as_command,
};

const BLOCK: &str = "GET OPTION FROM: SIM0001\nServerVer=2.4.1\nPushOptionsFlag=1\n\
    MultiBioDataSupport=0:1:1:0:0:0:0:0:1:1\nMultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:1\n";

fn device(model: Model) -> Device {
    let mut device = Device::new(model, "SIM0001");
    assert!(device.initialize(BLOCK.as_bytes()));
    device
}

fn quirky(model: Model, change: impl FnOnce(&mut Quirks)) -> Device {
    let mut device = device(model);
    change(device.quirks_mut());
    device
}

/// The return code of a command.
fn run(device: &mut Device, command: &str) -> i32 {
    let done = device.execute(format!("C:1:{command}").as_bytes());
    done.first().map(|done| done.return_code).expect("every command but REBOOT is acknowledged")
}

fn add_user(device: &mut Device, pin: &str) {
    assert_eq!(
        run(device, &format!("DATA UPDATE USERINFO PIN={pin}\tName=Ada\tPri=0\tPasswd=\tCard=\tGrp=1\tTZ=0")),
        0
    );
}

/// All pending report lines of the device.
fn reported(device: &mut Device) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(upload) = device.next_upload() {
        let body = String::from_utf8(upload.body.clone()).unwrap();
        assert_eq!(body.lines().count(), upload.records);
        lines.extend(body.lines().map(str::to_owned));
        device.uploaded(&upload);
    }
    lines
}

/// The lines without times and templates: `FP 7`, `OPLOG 6 7`.
fn kinds(lines: &[String]) -> Vec<String> {
    let short = |line: &String| {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            [code, _, _, whom, ..] if code.starts_with("OPLOG") => format!("{code} {whom}"),
            [first, ..] => first.replace("PIN=", "").replace("Pin=", ""),
            [] => String::new(),
        }
    };
    lines.iter().map(short).collect()
}

/// Sends everything that `from` reports to `to` as commands.
fn copy(from: &mut Device, to: &mut Device) {
    for command in reported(from).iter().filter_map(|line| as_command(line)) {
        assert_eq!(run(to, &command), 0, "{command:.60}");
    }
}
