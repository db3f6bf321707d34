//! The URL of the database: `sqlite://` and a path, or `mysql://user:password@host:3306/name`.
//!
//! Errors say what is wanted and repeat nothing of the URL: it may hold a password, in whatever place it was put.

use std::net::Ipv6Addr;

use url::{ParseError, Url};

/// Example of a URL of a MySQL or MariaDB server.
const EXAMPLE: &str = "mysql://muster:PASSWORD@localhost:3306/muster";

/// The parameters that may follow a `?`. Muster hides the values of all others when it shows a URL.
pub const PARAMETERS: [&str; 5] = ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket"];

const SSL_MODES: [&str; 5] = ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"];

/// The port of a MySQL or MariaDB server unless somebody says otherwise.
pub const PORT: &str = "3306";

/// The longest name of a database there.
const NAME_BYTES: usize = 64;

/// Checks the URL of a database, and gives `mariadb://` its usual name.
///
/// # Errors
/// In words.
pub fn read(text: &str) -> Result<String, String> {
    let (scheme, rest) = text.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "sqlite" => sqlite(scheme, rest).map(|()| text.to_owned()),
        "mysql" | "mariadb" => {
            let text = format!("mysql:{rest}");
            server(&text).map(|()| text)
        }
        _ => Err(format!(
            "want sqlite:// and the path of a file, for example sqlite:///var/lib/muster/muster.db, or a MySQL or \
             MariaDB server, for example {EXAMPLE}"
        )),
    }
}

fn sqlite(scheme: &str, path: &str) -> Result<(), String> {
    if scheme != "sqlite" || path.trim_start_matches('/').is_empty() {
        return Err("want sqlite:// and the path of a file".to_owned());
    }
    if path.ends_with(":memory:") {
        return Err("want a database that outlives the program".to_owned());
    }
    Ok(())
}

fn server(text: &str) -> Result<(), String> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("want no blanks: in a password a blank is written %20".to_owned());
    }
    let rest = text.strip_prefix("mysql://").ok_or_else(|| format!("want two slashes, as in {EXAMPLE}"))?;
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if after.contains(['@', '#']) {
        // `//user:pa/ss@host/name` is read as the host `user`: no guess is safe.
        return Err(
            "want the characters / ? # @ % of user and password percent-encoded: %2F %3F %23 %40 %25".into(),
        );
    }
    let Some((login, _)) = authority.rsplit_once('@') else {
        return Err(format!("want a user before the host, as in {EXAMPLE}"));
    };
    let (encoded_user, password) = login.split_once(':').unwrap_or((login, ""));
    user(&decoded(encoded_user)?)?;
    decoded(password)?;

    let url = Url::parse(text).map_err(|error| match error {
        ParseError::InvalidPort => port_wanted(),
        ParseError::EmptyHost => host_wanted(),
        _ => format!("want a URL such as {EXAMPLE}"),
    })?;
    host(url.host_str().unwrap_or_default())?;
    if url.port() == Some(0) {
        return Err(port_wanted());
    }
    name(&decoded(url.path().trim_start_matches('/'))?)?;
    parameters(&url)
}

fn parameters(url: &Url) -> Result<(), String> {
    let mut seen: Vec<String> = Vec::new();
    for (parameter, value) in url.query_pairs() {
        if !PARAMETERS.contains(&parameter.as_ref()) {
            return Err(format!("want no other parameters than {}", PARAMETERS.join(", ")));
        }
        if seen.iter().any(|seen| *seen == parameter) {
            return Err(format!("want {parameter} once"));
        }
        match parameter.as_ref() {
            "ssl-mode" if !SSL_MODES.contains(&value.to_ascii_uppercase().as_str()) => {
                return Err(format!("want ssl-mode to be one of {}", SSL_MODES.join(", ")));
            }
            "socket" if !value.starts_with('/') => {
                return Err(
                    "want the whole path of the socket, for example socket=/run/mysqld/mysqld.sock".into()
                );
            }
            _ if value.is_empty() => return Err(format!("want the path of a file after {parameter}=")),
            _ => seen.push(parameter.into_owned()),
        }
    }
    let has = |name: &str| seen.iter().any(|seen| seen == name);
    if has("ssl-cert") == has("ssl-key") {
        Ok(())
    } else {
        Err("want ssl-cert and ssl-key together, or neither".to_owned())
    }
}

/// A MySQL or MariaDB server, and the database there, in parts that were checked.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    /// A name or an address, see [`host`].
    pub host: &'a str,
    /// See [`port`].
    pub port: u16,
    /// See [`user`].
    pub user: &'a str,
    /// Empty where there is none.
    pub password: &'a str,
    /// See [`name`].
    pub name: &'a str,
}

impl Server<'_> {
    /// As a URL.
    pub fn url(&self) -> String {
        let Self { port, .. } = self;
        let host = if self.host.parse::<Ipv6Addr>().is_ok() {
            format!("[{}]", self.host)
        } else {
            self.host.to_owned()
        };
        let password =
            if self.password.is_empty() { String::new() } else { format!(":{}", encoded(self.password)) };
        format!("mysql://{}{password}@{host}:{port}/{}", encoded(self.user), encoded(self.name))
    }
}

/// The host of a server: a name or an address.
///
/// # Errors
/// In words.
pub fn host(text: &str) -> Result<(), String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let is_name = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    if is_name || bare.parse::<Ipv6Addr>().is_ok() { Ok(()) } else { Err(host_wanted()) }
}

/// The port of a server.
///
/// # Errors
/// In words.
pub fn port(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(port_wanted)
}

/// A user of a server.
///
/// # Errors
/// In words.
pub fn user(text: &str) -> Result<(), String> {
    let is_user = !text.is_empty() && !text.contains(char::is_control);
    if is_user { Ok(()) } else { Err("want the name of a user of the database server".to_owned()) }
}

/// The name of a database of a server.
///
/// # Errors
/// In words.
pub fn name(text: &str) -> Result<(), String> {
    let is_name = !text.is_empty()
        && text.len() <= NAME_BYTES
        && !text.contains(|c: char| c.is_control() || "/`".contains(c));
    if is_name {
        Ok(())
    } else {
        Err(format!("want the name of a database, at most {NAME_BYTES} letters, as in {EXAMPLE}"))
    }
}

fn host_wanted() -> String {
    "want the name or the address of the database server, for example localhost or 192.168.1.5".to_owned()
}

fn port_wanted() -> String {
    format!("want a port, 1 to 65535, as a rule {PORT}")
}

/// All but letters, digits and `-._~` percent-encoded: so it can stand anywhere in a URL.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

fn decoded(text: &str) -> Result<String, String> {
    let wrong = || "want each % of user, password and name written %25".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let [high, low, after @ ..] = rest else { return Err(wrong()) };
        rest = after;
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        bytes.push(16 * digit(*high).ok_or_else(wrong)? + digit(*low).ok_or_else(wrong)?);
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "geheim";

    fn refused(text: &str) -> String {
        let want = read(text).expect_err(text);
        assert!(!want.contains(SECRET), "{text}: {want}");
        want
    }

    #[test]
    fn both_kinds_of_database_are_known() {
        for url in [
            "sqlite://muster-data/muster.db",
            "sqlite:muster.db",
            "mysql://muster:geheim@db:3306/muster",
            "mysql://muster@db/muster",
            "mysql://muster:p@ss:w0rd@db/muster",
            "mysql://muster:p%2Fss%25@[::1]:3307/muster",
            "mysql://muster@localhost/muster?socket=/run/mysqld/mysqld.sock",
            "mysql://muster@db/muster?ssl-mode=VERIFY_CA&ssl-ca=/etc/ca.pem&ssl-cert=/c.pem&ssl-key=/k.pem",
        ] {
            assert_eq!(read(url).as_deref(), Ok(url));
        }
        let named = read("MariaDB://muster:geheim@db/muster");
        assert_eq!(named.as_deref(), Ok("mysql://muster:geheim@db/muster"));
    }

    #[test]
    fn what_is_no_database_is_told_with_what_is_wanted() {
        for (url, want) in [
            ("", "sqlite:// and the path"),
            ("muster:geheim@db/muster", "MySQL or MariaDB server, for example mysql://"),
            ("oracle://m:geheim@db/m", "sqlite:// and the path"),
            ("sqlite://", "the path of a file"),
            ("sqlite::memory:", "outlives the program"),
            ("mysql:muster:geheim@db/muster", "two slashes"),
            ("mysql://db/muster", "a user before the host"),
            ("mysql://:geheim@db/muster", "a user of the database server"),
            ("mysql://muster:geheim@/muster", "the name or the address"),
            ("mysql://muster:geheim@d!b/muster", "the name or the address"),
            ("mysql://muster:geheim@db:0/muster", "1 to 65535"),
            ("mysql://muster:geheim@db:port/muster", "1 to 65535"),
            ("mysql://muster:geheim@db", "the name of a database"),
            ("mysql://muster:geheim@db/", "the name of a database"),
            ("mysql://muster:geheim@db/a/b", "the name of a database"),
            ("mysql://muster:geheim@db/a%60b", "the name of a database"),
            ("mysql://muster:gehe im@db/muster", "a blank is written %20"),
            ("mysql://muster:geheim@db/muster?charset=latin1", "no other parameters than ssl-mode, ssl-ca"),
            ("mysql://muster@db/muster?geheim", "no other parameters"),
            ("mysql://muster@db/muster?ssl-mode=geheim", "one of DISABLED, PREFERRED"),
            ("mysql://muster@db/muster?ssl-ca=", "the path of a file after ssl-ca="),
            ("mysql://muster@db/muster?ssl-ca=/a&ssl-ca=/b", "ssl-ca once"),
            ("mysql://muster@db/muster?ssl-cert=/a", "ssl-cert and ssl-key together"),
            ("mysql://muster@db/muster?socket=mysqld.sock", "the whole path of the socket"),
        ] {
            let told = refused(url);
            assert!(told.starts_with("want ") && told.contains(want), "{url}: {told}");
        }
    }

    #[test]
    fn a_password_that_would_be_read_as_something_else_is_refused() {
        for url in [
            "mysql://muster:12/geheim@db/muster",
            "mysql://muster:12?geheim@db/muster",
            "mysql://muster:12#geheim@db/muster",
            "mysql://muster:geheim@db/muster#12",
        ] {
            assert!(refused(url).contains("%2F %3F %23 %40 %25"), "{url}");
        }
        for url in ["mysql://muster:geheim%@db/m", "mysql://muster:%geheim@db/m", "mysql://m:%ff@db/m"] {
            assert!(refused(url).contains("written %25"), "{url}");
        }
    }

    #[test]
    fn parts_become_a_url_whatever_is_in_them() {
        let odd =
            Server { host: "db", port: 3306, user: "m:@", password: "p@ss/w?rd#100%é '\"", name: "zk sync" };
        let url = odd.url();
        assert_eq!(
            url, "mysql://m%3A%40:p%40ss%2Fw%3Frd%23100%25%C3%A9%20%27%22@db:3306/zk%20sync",
            "nothing is left that a URL reads otherwise"
        );
        assert_eq!(read(&url).as_deref(), Ok(url.as_str()));
        let parsed = Url::parse(&url).expect("a URL");
        assert_eq!(decoded(parsed.username()).as_deref(), Ok(odd.user));
        assert_eq!(decoded(parsed.password().expect("one")).as_deref(), Ok(odd.password));
        let url = Server { host: "::1", port: 1, user: "m", password: "", name: "m" }.url();
        assert_eq!(read(&url).as_deref(), Ok("mysql://m@[::1]:1/m"));
    }
}
