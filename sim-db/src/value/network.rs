//! Network addresses.

use std::net::IpAddr;

/// An `inet` or `cidr` value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Inet {
    /// The address.
    pub address: IpAddr,
    /// Prefix length in bits.
    pub prefix: u8,
    /// Whether the value is a `cidr`.
    pub cidr: bool,
}

impl Inet {
    /// Bits of an address of this family.
    pub fn bits_max(&self) -> u8 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }
}
