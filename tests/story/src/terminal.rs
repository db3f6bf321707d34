//! A terminal whose requests the story writes one by one, for habits that simulated devices do not have.

use std::time::Duration;

use sync::Joining;

use crate::House;

/// A terminal of a test server. It acknowledges every command with success.
#[derive(Debug)]
pub struct Terminal<'a> {
    house: &'a House,
    serial_number: &'static str,
}

impl<'a> Terminal<'a> {
    /// A terminal that connected once and was approved.
    pub async fn approved(house: &'a House, serial_number: &'static str, joining: Joining) -> Self {
        let terminal = Self { house, serial_number };
        assert_eq!(house.get(&terminal.target("cdata", "&options=all&pushver=2.4.1")).await.status(), 401);
        terminal.approve(joining).await;
        terminal
    }

    /// Approves the terminal, for the first time or again.
    pub async fn approve(&self, joining: Joining) {
        let (device, now) = (self.house.device(self.serial_number).await, self.house.now());
        let approve = async |tx: &mut _| fleet::device::approve(tx, &device, joining, now).await;
        self.house.operate(approve).await;
    }

    fn target(&self, path: &str, query: &str) -> String {
        format!("/iclock/{path}?SN={}{query}", self.serial_number)
    }

    /// Sends the initialization request.
    pub async fn greet(&self) {
        let answer = self.house.get(&self.target("cdata", "&options=all&pushver=2.4.1")).await;
        assert_eq!(answer.status(), 200);
    }

    /// Uploads records of a table.
    pub async fn upload(&self, table: &str, body: &str) {
        let target = self.target("cdata", &format!("&table={table}&Stamp=9999"));
        let answer = self.house.post(&target, body).await;
        assert!(answer.text().starts_with("OK"), "{}", answer.text());
    }

    /// Polls and acknowledges all commands. Returns the commands, one a line; empty if there are none.
    pub async fn poll(&self) -> String {
        self.poll_with("").await
    }

    /// Polls with a reported number of users, and acknowledges all commands.
    pub async fn poll_holding(&self, users: usize) -> String {
        self.poll_with(&format!("&INFO=Ver%208.0.4,{users},0,0,192.0.2.1,10,7,0,0,111")).await
    }

    async fn poll_with(&self, query: &str) -> String {
        let answer = self.house.get(&self.target("getrequest", query)).await;
        assert_eq!(answer.status(), 200);
        let commands = answer.text();
        if commands == "OK" {
            return String::new();
        }
        let ids = commands.lines().filter_map(|line| line.split(':').nth(1));
        let done: Vec<String> = ids.map(|id| format!("ID={id}&Return=0&CMD=DATA")).collect();
        self.house.post(&self.target("devicecmd", ""), done.join("\n")).await;
        commands
    }

    /// Polls every ten seconds for this time. Returns all commands.
    pub async fn poll_for(&self, time: Duration) -> String {
        let mut commands = String::new();
        for _ in 0..time.as_secs() / 10 {
            self.house.advance(Duration::from_secs(10));
            commands += &self.poll().await;
        }
        commands
    }

    /// The sync status of the terminal.
    pub async fn status(&self) -> fleet::view::sync_status::DeviceStatus {
        self.house.status_of(self.serial_number).await
    }

    /// Whether the server is still importing its people.
    pub async fn is_joining(&self) -> bool {
        self.house.device(self.serial_number).await.joining.is_some()
    }

    /// Whether the server saw all its people during the import.
    pub async fn is_complete(&self) -> bool {
        self.house.device(self.serial_number).await.roster_complete
    }
}
