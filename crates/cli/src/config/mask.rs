//! Hiding passwords in what is shown.

use super::database_url::PARAMETERS;

/// A URL without its password, and without what may be one; any other text as it is.
///
/// Also for URLs that are wrong: then the error that shows them says what is wrong. So it hides rather too much.
pub fn mask(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        // Without the slashes it is meant for a URL only if it looks like a login.
        None if text.contains('@') => (String::new(), text),
        None => return text.to_owned(),
    };
    if scheme.starts_with("sqlite:") || text.starts_with("sqlite:") {
        return text.to_owned();
    }
    // A password may hold `@` and `/`: the last `@` counts.
    if let Some((login, place)) = rest.rsplit_once('@') {
        let place = mask_parameters(place);
        return match login_end(login) {
            Some(end) => format!("{scheme}{}:***@{place}", &login[..end]),
            None => format!("{scheme}{login}@{place}"),
        };
    }
    // `mysql://user:password/name`, where the host was forgotten.
    match login_end(rest) {
        Some(end) if !scheme.is_empty() => format!("{scheme}{}:***", &rest[..end]),
        _ => scheme + &mask_parameters(rest),
    }
}

/// Where the password begins: at a colon, also at one that is percent-encoded.
fn login_end(login: &str) -> Option<usize> {
    let colon = login.find(':');
    let encoded = login.to_ascii_lowercase().find("%3a");
    colon.into_iter().chain(encoded).min()
}

/// Hides what follows a `?`, but for the parameters that we know.
fn mask_parameters(text: &str) -> String {
    let Some((before, parameters)) = text.split_once('?') else { return text.to_owned() };
    let shown = parameters.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if PARAMETERS.contains(&name) => parameter.to_owned(),
        Some((name, _)) => format!("{name}=***"),
        None => "***".to_owned(),
    });
    format!("{before}?{}", shown.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_shows_no_password() {
        for (url, shown) in [
            ("mysql://muster:p@ss/w:ord@db:3306/muster", "mysql://muster:***@db:3306/muster"),
            ("mysql://muster:p%40ss%2f@db/muster", "mysql://muster:***@db/muster"),
            ("mysql://muster%3Ageheim@db/muster", "mysql://muster:***@db/muster"),
            ("mysql://muster:@db/muster", "mysql://muster:***@db/muster"),
            ("mysql://muster@db/muster", "mysql://muster@db/muster"),
            ("mysql://m:geheim@db/m?socket=/run/my.sock", "mysql://m:***@db/m?socket=/run/my.sock"),
            ("sqlite:///var/lib/m@x/muster.db", "sqlite:///var/lib/m@x/muster.db"),
            ("sqlite:///var/li:b/m@x/muster.db", "sqlite:///var/li:b/m@x/muster.db"),
        ] {
            assert_eq!(mask(url), shown);
        }
    }

    #[test]
    fn nor_does_one_that_is_wrong() {
        for url in [
            "mysql://muster:geheim/muster",
            "mysql://muster:12/geheim",
            "mysql://db/muster?user=muster&password=geheim",
            "mysql://muster@db/muster?geheim",
            "mysql:muster:geheim@db/muster",
            "mysql:/muster:geheim@db/muster",
            "muster:geheim@db/muster",
            "jdbc:mysql://muster:geheim@db/muster",
            "mysql://muster:a?b#geheim@db/muster",
        ] {
            let shown = mask(url);
            assert!(!shown.contains("geheim") && shown.contains("***"), "{url}: {shown}");
        }
    }

    #[test]
    fn other_values_are_shown_as_they_are() {
        for text in ["0.0.0.0:8081", "[::]:8081", "Europe/Vienna", "info,server=debug", "00:00;14:05", ""] {
            assert_eq!(mask(text), text);
        }
    }
}
