//! Cookies, as far as a test of a backend needs them (RFC 6265): domain, path, expiry.

use sim_runtime::time::{Nanos, SECOND};
use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

/// A cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Paths it is sent to begin with this.
    pub path: String,
    /// When it ends, in nanoseconds since the Unix epoch on the device's clock; `None` with the browser.
    pub expires: Option<Nanos>,
    /// Scripts cannot read it.
    pub http_only: bool,
}

#[derive(Debug, Default)]
pub(super) struct Jar {
    /// By domain, whether its subdomains are meant too, path and name.
    cookies: BTreeMap<(String, bool, String, String), Cookie>,
}

impl Jar {
    /// Stores what a `Set-Cookie` header of `host` says.
    pub(super) fn store(&mut self, host: &str, header: &str, now: Nanos) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let (name, value) = (name.trim().to_owned(), value.trim().trim_matches('"').to_owned());
        let mut cookie = Cookie { name, value, path: "/".to_owned(), expires: None, http_only: false };
        let (mut domain, mut below, mut max_age) = (host.to_ascii_lowercase(), false, None);
        for part in parts {
            let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
            match &*attribute.trim().to_ascii_lowercase() {
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "domain" => {
                    let wanted = value.trim_start_matches('.').to_ascii_lowercase();
                    if !covers(&wanted, true, host) {
                        return;
                    }
                    (domain, below) = (wanted, true);
                }
                "max-age" => max_age = value.trim().parse::<i64>().ok(),
                "expires" => {
                    let at = httpdate::parse_http_date(value.trim()).ok();
                    let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                    cookie.expires = since.map(|since| since.as_nanos() as Nanos);
                }
                "httponly" => cookie.http_only = true,
                _ => {}
            }
        }
        if let Some(seconds) = max_age {
            cookie.expires = Some(now.saturating_add_signed(seconds.saturating_mul(SECOND as i64)));
        }
        let key = (domain, below, cookie.path.clone(), cookie.name.clone());
        if cookie.expires.is_some_and(|expires| expires <= now) || max_age.is_some_and(|seconds| seconds <= 0)
        {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, cookie);
        }
    }

    /// All cookies of a host that have not expired.
    pub(super) fn of_host(&self, host: &str, now: Nanos) -> Vec<Cookie> {
        let host = host.to_ascii_lowercase();
        let of_host = self.cookies.iter().filter(|((domain, below, _, _), _)| covers(domain, *below, &host));
        let live = of_host.filter(|(_, cookie)| cookie.expires.is_none_or(|expires| expires > now));
        live.map(|(_, cookie)| cookie.clone()).collect()
    }

    /// The `Cookie` header for a request; longer paths first, as RFC 6265 says.
    pub(super) fn header(&self, host: &str, path: &str, now: Nanos) -> Option<String> {
        let mut cookies = self.of_host(host, now);
        cookies.retain(|cookie| within(path, &cookie.path));
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

fn covers(domain: &str, below: bool, host: &str) -> bool {
    host == domain || below && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn within(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| of.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[&str], path: &str, sent: Option<&str>) {
        let mut jar = Jar::default();
        headers.iter().for_each(|header| jar.store("shop.example", header, 100 * SECOND));
        assert_eq!(jar.header("shop.example", path, 100 * SECOND).as_deref(), sent);
    }

    #[test]
    fn the_last_value_is_sent() {
        check(&["a=1", "a=2"], "/", Some("a=2"));
    }

    #[test]
    fn a_path_limits_a_cookie() {
        check(&["a=1; Path=/cart"], "/cart/lines", Some("a=1"));
        check(&["a=1; Path=/cart"], "/carts", None);
        check(&["a=1", "b=2; Path=/cart"], "/cart", Some("b=2; a=1"));
    }

    #[test]
    fn a_cookie_of_no_age_is_deleted() {
        check(&["a=1", "a=; Max-Age=0"], "/", None);
        check(&["a=1", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "/", None);
    }

    #[test]
    fn age_counts_before_expiry() {
        check(&["a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "/", Some("a=1"));
    }

    #[test]
    fn another_domain_cannot_be_set() {
        check(&["a=1; Domain=other.example"], "/", None);
        check(&["a=1; Domain=example"], "/", Some("a=1"));
    }
}
