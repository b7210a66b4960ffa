//! Names to addresses: `getaddrinfo` and `freeaddrinfo`.
//!
//! A list the machine's addresses make carries a mark in `ai_flags` that the C library does not
//! use, so that `freeaddrinfo` knows whose it is, on any thread and after the run.

use std::ffi::{CStr, CString, c_char, c_int};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ptr;

use libc::{addrinfo, sockaddr_storage};

use super::{next, socket_address};
use crate::gate::{Inside, ask};
use crate::machine::ResolveError;

/// In `ai_flags`: this list is ours. glibc's flags end at bit 13.
const OURS: c_int = 1 << 29;

/// The kinds of socket asked for by "any", in the C library's order.
const ANY_KIND: [(c_int, c_int); 3] =
    [(libc::SOCK_STREAM, libc::IPPROTO_TCP), (libc::SOCK_DGRAM, libc::IPPROTO_UDP), (libc::SOCK_RAW, 0)];

/// Services by name that clients of backends use; the rest of `/etc/services` is unknown to a simulated machine.
const SERVICES: [(&str, u16); 12] = [
    ("amqp", 5672),
    ("domain", 53),
    ("ftp", 21),
    ("http", 80),
    ("https", 443),
    ("ldap", 389),
    ("mysql", 3306),
    ("ntp", 123),
    ("postgresql", 5432),
    ("redis", 6379),
    ("smtp", 25),
    ("ssh", 22),
];

/// One element of the list with what it points at, in one allocation.
struct Element {
    info: addrinfo,
    address: sockaddr_storage,
    /// Keeps alive what `ai_canonname` points at.
    _canonical: Option<CString>,
}

/// What the caller narrowed the question to.
#[derive(Clone, Copy)]
struct Hints {
    flags: c_int,
    family: c_int,
    kind: c_int,
    protocol: c_int,
}

fn port(service: Option<&CStr>, hints: Hints) -> Result<u16, c_int> {
    let Some(service) = service else { return Ok(0) };
    let service = service.to_str().map_err(|_| libc::EAI_SERVICE)?;
    if let Ok(port) = service.parse() {
        return Ok(port);
    }
    let known = SERVICES.iter().find(|(name, _)| *name == service);
    match known {
        Some((_, port)) if hints.flags & libc::AI_NUMERICSERV == 0 => Ok(*port),
        Some(_) => Err(libc::EAI_NONAME),
        None => Err(libc::EAI_SERVICE),
    }
}

fn addresses(inside: &Inside, host: Option<&CStr>, hints: Hints) -> Result<Vec<IpAddr>, c_int> {
    let Some(host) = host else {
        let passive = hints.flags & libc::AI_PASSIVE != 0;
        let [v4, v6] = if passive {
            [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
        } else {
            [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        };
        return Ok(vec![v4, v6]);
    };
    let host = host.to_str().map_err(|_| libc::EAI_NONAME)?;
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    if hints.flags & libc::AI_NUMERICHOST != 0 {
        return Err(libc::EAI_NONAME);
    }
    inside.machine.resolve(host).map_err(|error| match error {
        ResolveError::Unknown => libc::EAI_NONAME,
        ResolveError::Unavailable => libc::EAI_AGAIN,
        ResolveError::Failed => libc::EAI_FAIL,
    })
}

/// Makes the list from its end; `canonical` goes to the first element.
fn list(
    addresses: &[IpAddr],
    port: u16,
    hints: Hints,
    canonical: Option<&CStr>,
) -> Result<*mut addrinfo, c_int> {
    let kinds: Vec<_> = match ANY_KIND.iter().find(|(kind, _)| *kind == hints.kind) {
        Some((kind, protocol)) => {
            vec![(*kind, if hints.protocol == 0 { *protocol } else { hints.protocol })]
        }
        None if hints.kind == 0 => {
            let fits = |(_, protocol): &(c_int, c_int)| hints.protocol == 0 || *protocol == hints.protocol;
            ANY_KIND.into_iter().filter(fits).collect()
        }
        None => return Err(libc::EAI_SOCKTYPE),
    };
    let wanted: Vec<_> = addresses
        .iter()
        .filter(|address| match hints.family {
            libc::AF_INET => address.is_ipv4(),
            libc::AF_INET6 => address.is_ipv6(),
            _ => true,
        })
        .flat_map(|address| kinds.iter().map(move |kind| (*address, *kind)))
        .collect();
    let mut first = ptr::null_mut::<addrinfo>();
    for (at, (address, (kind, protocol))) in wanted.iter().enumerate().rev() {
        let (storage, size) = socket_address::internet(SocketAddr::new(*address, port));
        let canonical = canonical.filter(|_| at == 0).map(CStr::to_owned);
        let element = Box::into_raw(Box::new(Element {
            info: addrinfo {
                ai_flags: hints.flags | OURS,
                ai_family: c_int::from(storage.ss_family),
                ai_socktype: *kind,
                ai_protocol: *protocol,
                ai_addrlen: size,
                ai_addr: ptr::null_mut(),
                ai_canonname: canonical.as_ref().map_or(ptr::null_mut(), |name| name.as_ptr().cast_mut()),
                ai_next: first,
            },
            address: storage,
            _canonical: canonical,
        }));
        // SAFETY: the element was made just now and nobody else has it.
        unsafe {
            (*element).info.ai_addr = (&raw mut (*element).address).cast();
            first = &raw mut (*element).info;
        }
    }
    if first.is_null() { Err(libc::EAI_NONAME) } else { Ok(first) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    host: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    out: *mut *mut addrinfo,
) -> c_int {
    let answer = ask(|inside| {
        // SAFETY: the caller gives C strings and hints, or null for each.
        let (host_name, service, hints) = unsafe {
            (
                (!host.is_null()).then(|| CStr::from_ptr(host)),
                (!service.is_null()).then(|| CStr::from_ptr(service)),
                hints.as_ref().map_or(Hints { flags: 0, family: 0, kind: 0, protocol: 0 }, |hints| Hints {
                    flags: hints.ai_flags,
                    family: hints.ai_family,
                    kind: hints.ai_socktype,
                    protocol: hints.ai_protocol,
                }),
            )
        };
        if host_name.is_none() && service.is_none() {
            return Err(libc::EAI_NONAME);
        }
        if !matches!(hints.family, libc::AF_UNSPEC | libc::AF_INET | libc::AF_INET6) {
            return Err(libc::EAI_FAMILY);
        }
        let port = port(service, hints)?;
        let canonical = host_name.filter(|_| hints.flags & libc::AI_CANONNAME != 0);
        list(&addresses(inside, host_name, hints)?, port, hints, canonical)
    });
    match answer {
        Some(Ok(first)) => {
            // SAFETY: the caller gives room for the list's address.
            unsafe { out.write(first) };
            0
        }
        Some(Err(error)) => error,
        // SAFETY: the caller's arguments, unchanged.
        None => unsafe { next::getaddrinfo(host, service, hints, out) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn freeaddrinfo(list: *mut addrinfo) {
    // SAFETY: the caller gives back a list from `getaddrinfo`, ours with the mark or the C library's.
    unsafe {
        if list.is_null() || (*list).ai_flags & OURS == 0 {
            return next::freeaddrinfo(list);
        }
        let mut rest = list;
        while !rest.is_null() {
            let element = rest.byte_sub(std::mem::offset_of!(Element, info)).cast::<Element>();
            rest = (*rest).ai_next;
            drop(Box::from_raw(element));
        }
    }
}
