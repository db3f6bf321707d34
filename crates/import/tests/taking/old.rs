//! Databases in the form of the old server, and templates in the form of devices.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tempfile::TempDir;

/// The schema of the second generation: a row for each device and person.
const SECOND: &str = "
CREATE TABLE devices (id INTEGER PRIMARY KEY, serial_number TEXT UNIQUE, push_version TEXT, language TEXT,
  push_comm_key TEXT, firmware_version TEXT, ip_address TEXT, fingerprint_algorithm TEXT, face_algorithm TEXT,
  device_info TEXT, config TEXT, last_seen DATETIME, created_at DATETIME, updated_at DATETIME);
CREATE TABLE users (id INTEGER PRIMARY KEY, pin TEXT, name TEXT, privilege INTEGER, password TEXT, card TEXT,
  group_id INTEGER, time_zone TEXT, verify_mode INTEGER, vice_card TEXT, device_serial TEXT, created_at DATETIME,
  updated_at DATETIME);
CREATE TABLE fingerprint_templates (id INTEGER PRIMARY KEY, pin TEXT, fid INTEGER, size INTEGER, valid INTEGER,
  template_data TEXT, device_serial TEXT, created_at DATETIME, updated_at DATETIME, UNIQUE (pin, fid, device_serial));
CREATE TABLE face_templates (id INTEGER PRIMARY KEY, pin TEXT, fid INTEGER, size INTEGER, valid INTEGER,
  template_data TEXT, device_serial TEXT, created_at DATETIME, updated_at DATETIME, UNIQUE (pin, fid, device_serial));
CREATE TABLE finger_vein_templates (id INTEGER PRIMARY KEY, pin TEXT, fid INTEGER, index_num INTEGER, size INTEGER,
  valid INTEGER, template_data TEXT, device_serial TEXT, created_at DATETIME, updated_at DATETIME,
  UNIQUE (pin, fid, index_num, device_serial));
CREATE TABLE bio_templates (id INTEGER PRIMARY KEY, pin TEXT, bio_no INTEGER, index_num INTEGER, valid INTEGER,
  duress INTEGER, type INTEGER, major_ver TEXT, minor_ver TEXT, format TEXT, template_data TEXT, device_serial TEXT,
  created_at DATETIME, updated_at DATETIME, UNIQUE (pin, bio_no, index_num, type, device_serial));
CREATE TABLE user_photos (id INTEGER PRIMARY KEY, pin TEXT, filename TEXT, size INTEGER, content TEXT,
  device_serial TEXT, created_at DATETIME, updated_at DATETIME, UNIQUE (pin, device_serial));
CREATE TABLE comparison_photos (id INTEGER PRIMARY KEY, pin TEXT, filename TEXT, type INTEGER, size INTEGER,
  content TEXT, device_serial TEXT, created_at DATETIME, updated_at DATETIME, UNIQUE (pin, type, device_serial));
CREATE TABLE attendance_logs (id INTEGER PRIMARY KEY, pin TEXT, punch_time DATETIME, device_serial TEXT);
";

/// The schema of the first generation, as far as the import reads it.
const FIRST: &str = "
CREATE TABLE devices (id INT AUTO_INCREMENT PRIMARY KEY, serial_number VARCHAR(50) UNIQUE, ip_address VARCHAR(45),
  last_seen TIMESTAMP NULL, push_version VARCHAR(20), status ENUM('online','offline') DEFAULT 'offline',
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, pin VARCHAR(20) UNIQUE, name VARCHAR(100),
  privilege INT DEFAULT 0, password VARCHAR(50), card VARCHAR(50), vice_card VARCHAR(50), group_id INT DEFAULT 1,
  timezone VARCHAR(16), verify_mode INT DEFAULT -1, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP) DEFAULT CHARSET utf8mb4;
CREATE TABLE fingerprint_templates (id INT AUTO_INCREMENT PRIMARY KEY, pin VARCHAR(20), finger_id INT,
  template_size INT, valid_flag INT DEFAULT 1, duress_flag INT DEFAULT 0, template_data LONGTEXT,
  algorithm_version VARCHAR(10) DEFAULT '10.0', format_type INT DEFAULT 0,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, UNIQUE (pin, finger_id));
CREATE TABLE face_templates (id INT AUTO_INCREMENT PRIMARY KEY, pin VARCHAR(20), face_id INT, template_size INT,
  valid_flag INT DEFAULT 1, template_data LONGTEXT, algorithm_version VARCHAR(10) DEFAULT '7.0',
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, UNIQUE (pin, face_id));
CREATE TABLE biometric_templates (id INT AUTO_INCREMENT PRIMARY KEY, pin VARCHAR(20), bio_number INT, bio_index INT,
  valid_flag INT DEFAULT 1, duress_flag INT DEFAULT 0, bio_type INT, major_version VARCHAR(10),
  minor_version VARCHAR(10), format_type VARCHAR(10), template_data LONGTEXT,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, UNIQUE (pin, bio_type, bio_number, bio_index));
CREATE TABLE device_commands (id INT AUTO_INCREMENT PRIMARY KEY, device_serial VARCHAR(50), command_data TEXT,
  status ENUM('pending','sent','completed','failed'));
";

/// An SQLite database of the second generation.
pub struct Old {
    folder: TempDir,
}

impl Old {
    /// Creates an empty one.
    pub async fn new() -> Self {
        let old = Self { folder: tempfile::tempdir().expect("a folder") };
        old.sql(SECOND).await;
        old
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("zkpush.db")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self) -> String {
        self.path().display().to_string()
    }

    /// A connection that may write, like that of the old server.
    pub async fn connect(&self) -> SqliteConnection {
        let url = format!("sqlite://{}?mode=rwc", self.path().display());
        SqliteConnection::connect(&url).await.expect("the file")
    }

    pub async fn sql(&self, text: &str) {
        let mut db = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut db).await.expect("the statements run");
        db.close().await.expect("it closes");
    }

    /// A user on a device, with the minute of the record.
    pub async fn user(&self, pin: &str, name: &str, device: &str, minute: u8) {
        self.sql(&format!(
            "INSERT INTO users (pin, name, privilege, group_id, verify_mode, device_serial, updated_at) \
             VALUES ('{pin}', '{name}', 0, 1, -1, '{device}', '2024-01-02 03:{minute:02}:00')"
        ))
        .await;
    }

    /// A fingerprint on a device.
    pub async fn print(&self, pin: &str, finger: u8, text: &str, device: &str, minute: u8) {
        self.sql(&format!(
            "INSERT INTO fingerprint_templates (pin, fid, size, valid, template_data, device_serial, updated_at) \
             VALUES ('{pin}', {finger}, {}, 1, '{text}', '{device}', '2024-01-02 03:{minute:02}:00')",
            text.len()
        ))
        .await;
    }

    /// A part of a near-infrared face on a device.
    pub async fn face_part(&self, pin: &str, part: u8, text: &str, device: &str) {
        self.sql(&format!(
            "INSERT INTO face_templates (pin, fid, size, valid, template_data, device_serial, updated_at) \
             VALUES ('{pin}', {part}, {}, 1, '{text}', '{device}', '2024-01-02 03:00:00')",
            text.len()
        ))
        .await;
    }

    /// A part of a unified template on a device, with type, version and format as the row has them.
    pub async fn bio(&self, pin: &str, index: u8, (kind, major, format): (u8, &str, &str), text: &str) {
        self.sql(&format!(
            "INSERT INTO bio_templates (pin, bio_no, index_num, valid, duress, type, major_ver, minor_ver, format, \
             template_data, device_serial, updated_at) VALUES ('{pin}', 0, {index}, 1, 0, {kind}, '{major}', '0', \
             '{format}', '{text}', 'A1', '2024-01-02 03:00:00')"
        ))
        .await;
    }
}

/// Makes the schema of the first generation in a MariaDB database, and runs further statements.
pub async fn first_generation(url: &str, further: &str) {
    let mut db = sqlx::MySqlConnection::connect(url).await.expect("the database");
    for text in [FIRST, further] {
        sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut db).await.expect("the statements run");
    }
    db.close().await.expect("it closes");
}

/// A fingerprint 10.0 whose header holds its length, `bytes`.
pub fn print10(bytes: u32, seed: u8) -> String {
    let mut all = b"\x4a\xd7SS21".to_vec();
    all.extend(bytes.to_be_bytes());
    filled(all, usize::try_from(bytes).expect("small"), seed)
}

/// A template with a unified header.
pub fn unified(bio_type: u8, major: u8, minor: u8, bytes: u16, seed: u8) -> String {
    let [low, high] = bytes.to_le_bytes();
    filled(vec![0x6a, 0x95, 0x01, 0x10, low, high, 0, 0, bio_type, 0, major, minor], bytes.into(), seed)
}

/// A template without a header.
pub fn plain(bytes: usize, seed: u8) -> String {
    filled(Vec::new(), bytes, seed)
}

/// Bytes that begin and end like a JPEG.
pub fn jpeg(bytes: usize, seed: u8) -> String {
    let mut all = vec![0xff, 0xd8, 0xff, 0xe0];
    all.resize(bytes - 2, seed);
    all.extend([0xff, 0xd9]);
    STANDARD.encode(all)
}

/// The text without its padding, as the old server left it.
pub fn cut(text: &str) -> &str {
    text.trim_end_matches('=')
}

fn filled(mut bytes: Vec<u8>, length: usize, seed: u8) -> String {
    bytes.resize(length, seed);
    STANDARD.encode(bytes)
}
