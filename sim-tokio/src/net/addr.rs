//! What stands for an address, and looking names up.

use sim_net::socket::{Target, resolve};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// What stands for one or more addresses. Sealed, as tokio's.
pub trait ToSocketAddrs: sealed::Targets {}

impl<T: sealed::Targets + ?Sized> ToSocketAddrs for T {}

pub(super) mod sealed {
    use sim_net::socket::Target;

    /// The secret half of the trait.
    pub trait Targets {
        #[doc(hidden)]
        fn targets(&self) -> Vec<Target>;
    }
}

impl<T: sealed::Targets + ?Sized> sealed::Targets for &T {
    fn targets(&self) -> Vec<Target> {
        (**self).targets()
    }
}

macro_rules! one_target {
    ($($from:ty),*) => {$(
        impl sealed::Targets for $from {
            fn targets(&self) -> Vec<Target> {
                vec![Target::from(self.clone())]
            }
        }
    )*};
}

one_target!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16),
    (&str, u16),
    (String, u16),
    String
);

impl sealed::Targets for str {
    fn targets(&self) -> Vec<Target> {
        vec![Target::from(self)]
    }
}

impl sealed::Targets for [SocketAddr] {
    fn targets(&self) -> Vec<Target> {
        self.iter().map(Target::from).collect()
    }
}

/// The addresses that `host` stands for, as the running task's node sees them.
///
/// # Errors
///
/// If it is no address, or a name that nobody has.
pub async fn lookup_host<T: ToSocketAddrs>(host: T) -> io::Result<impl Iterator<Item = SocketAddr>> {
    addresses(host).await.map(Vec::into_iter)
}

pub(super) async fn addresses<T: ToSocketAddrs>(host: T) -> io::Result<Vec<SocketAddr>> {
    let mut all = Vec::new();
    for target in host.targets() {
        if let Target::Malformed(text) = &target {
            let invalid = match text.rsplit_once(':') {
                Some((host, _)) if !host.is_empty() => "invalid port value",
                _ => "invalid socket address",
            };
            return Err(io::Error::new(io::ErrorKind::InvalidInput, invalid));
        }
        all.extend(resolve(target).await?);
    }
    Ok(all)
}

/// Tries `f` on each address in turn.
pub(super) async fn each<A: ToSocketAddrs, T>(
    host: A,
    f: impl AsyncFn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for address in addresses(host).await? {
        match f(address).await {
            Ok(done) => return Ok(done),
            Err(error) => last = Some(error),
        }
    }
    let none = || io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any address");
    Err(last.unwrap_or_else(none))
}
