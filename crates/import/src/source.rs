//! Locations of old databases.

use std::fmt;
use std::path::PathBuf;

/// The location of an old database.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A URL of MySQL or MariaDB. It may hold a password.
    Mysql(String),
}

impl Source {
    /// Reads a path, `sqlite://` with a path, or a URL of MySQL.
    ///
    /// # Errors
    /// The expected form in words. The error does not repeat the text, which may hold a password.
    pub fn read(text: &str) -> Result<Self, String> {
        const WANT: &str =
            "want the path of a file, sqlite:// and a path, or mysql://user:password@host:3306/database";
        match text.split_once("://") {
            None => match text.strip_prefix("sqlite:").unwrap_or(text) {
                "" => Err(WANT.to_owned()),
                path => Ok(Self::Sqlite(path.into())),
            },
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("mysql" | "mariadb", rest)) => Ok(Self::Mysql(format!("mysql://{rest}"))),
            Some(_) => Err(WANT.to_owned()),
        }
    }
}

impl fmt::Display for Source {
    /// Leaves out the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Mysql(url) => {
                let rest = url.strip_prefix("mysql://").unwrap_or(url);
                // A password may contain `@`, so the last one counts.
                let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
                let (user, secret) = login.split_once(':').map_or((login, ""), |(user, _)| (user, ":***"));
                let at = if login.is_empty() { "" } else { "@" };
                write!(f, "mysql://{user}{secret}{at}{place}")
            }
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Source::read(text).map_or_else(|error| error, |source| format!("{source} {source:?}"))
    }

    #[test]
    fn a_file_is_named_by_its_path_or_its_url() {
        for text in ["/var/lib/old/zkpush.db", "sqlite:///var/lib/old/zkpush.db"] {
            assert_eq!(Source::read(text), Ok(Source::Sqlite("/var/lib/old/zkpush.db".into())), "{text}");
        }
        assert_eq!(Source::read("zkpush.db"), Ok(Source::Sqlite("zkpush.db".into())));
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in ["mysql://root:geheim@db:3306/zkteco_sync", "mariadb://root:gehe@im@db/zkteco_sync"] {
            let shown = shown(text);
            assert!(shown.contains("mysql://root:***@db") && !shown.contains("im@"), "{shown}");
        }
        assert!(!shown("oracle://root:geheim@db/x").contains("geheim"));
        assert!(shown("mysql://localhost/a?socket=/run/x").starts_with("mysql://localhost/a?socket=/run/x "));
    }
}
