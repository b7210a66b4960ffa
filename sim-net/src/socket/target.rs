//! Where to connect to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use sim_runtime::executor::sleep;

use crate::network::with;

/// An address, or a name to look up and a port.
///
/// Made from what `std` accepts for an address: `"api:80"`, `("api", 80)`, `"10.0.0.1:80"`, a
/// [`SocketAddr`], an address and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Known already.
    Address(SocketAddr),
    /// To be looked up.
    Name(String, u16),
    /// Text that is neither.
    Malformed(String),
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Target {
        Target::Address(address)
    }
}

impl From<&SocketAddr> for Target {
    fn from(address: &SocketAddr) -> Target {
        Target::Address(*address)
    }
}

impl From<&str> for Target {
    fn from(text: &str) -> Target {
        if let Ok(address) = text.parse() {
            return Target::Address(address);
        }
        match text.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) if !host.is_empty() => Target::Name(host.to_owned(), port),
            _ => Target::Malformed(text.to_owned()),
        }
    }
}

impl From<String> for Target {
    fn from(text: String) -> Target {
        Target::from(text.as_str())
    }
}

impl From<&String> for Target {
    fn from(text: &String) -> Target {
        Target::from(text.as_str())
    }
}

impl From<(&str, u16)> for Target {
    fn from((host, port): (&str, u16)) -> Target {
        host.parse::<IpAddr>().map_or_else(
            |_| Target::Name(host.to_owned(), port),
            |ip| Target::Address(SocketAddr::new(ip, port)),
        )
    }
}

impl From<(String, u16)> for Target {
    fn from((host, port): (String, u16)) -> Target {
        Target::from((host.as_str(), port))
    }
}

macro_rules! from_address {
    ($($from:ty),*) => {$(
        impl From<$from> for Target {
            fn from(address: $from) -> Target {
                Target::Address(SocketAddr::from(address))
            }
        }
    )*};
}

from_address!((IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16), SocketAddrV4, SocketAddrV6);

/// The addresses of a target, after the time the resolver takes.
///
/// # Errors
/// `InvalidInput` for text that is no address, `NotFound` for an unknown name (naming the nodes there are),
/// `Other` while the resolver fails.
pub async fn resolve(target: Target) -> io::Result<Vec<SocketAddr>> {
    let (host, port) = match target {
        Target::Address(address) => return Ok(vec![address]),
        Target::Malformed(text) => {
            let message = format!("`{text}` is no address: expected HOST:PORT, for example `api:80`");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Target::Name(host, port) => (host, port),
    };
    let delay = with(|state, _| state.names.delay_ns(&host));
    if delay > 0 {
        sleep(Duration::from_nanos(delay)).await;
    }
    with(|state, world| match state.look_up(world, &host) {
        Ok(ips) => Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()),
        Err(why) => Err(crate::names::failure(world, &host, why)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &Target) {
        assert_eq!(&Target::from(text), expected);
    }

    #[test]
    fn text_is_an_address_a_name_or_neither() {
        check("10.0.0.1:80", &Target::Address(SocketAddr::from(([10, 0, 0, 1], 80))));
        check("api:80", &Target::Name("api".into(), 80));
        check("[::1]:80", &Target::Address("[::1]:80".parse().expect("a literal")));
        for bad in ["api", "api:http", ":80", "api:70000"] {
            check(bad, &Target::Malformed(bad.into()));
        }
    }
}
