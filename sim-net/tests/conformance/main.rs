//! One body, two worlds: every case runs over simulated and over real loopback sockets, and must see the same.
//!
//! A case says what it does through a kit and returns what it saw. The kits have the same methods; the real
//! one uses `std` sockets on 127.0.0.1. Port numbers and timings are never part of what is seen.

mod bytes;
mod closing;
mod datagrams;
mod local;
mod opening;
mod options;
mod real;
mod simulated;

/// What a case saw, one line an operation.
pub type Seen = Vec<String>;

/// Writes down what operations returned.
macro_rules! see {
    ($($what:expr),* $(,)?) => { vec![$(format!("{:?}", $what)),*] };
}

/// A case: a name, the kit's name, and a body for both worlds.
macro_rules! agree {
    ($($(#[$doc:meta])* $name:ident($kit:ident) $body:block)*) => {$(
        #[test]
        $(#[$doc])*
        fn $name() {
            let real: crate::Seen = futures::executor::block_on(async {
                let $kit = crate::real::Kit::default();
                $body
            });
            let simulated = crate::simulated::run(|| async {
                let $kit = crate::simulated::Kit::default();
                let seen: crate::Seen = $body;
                seen
            });
            assert_eq!(simulated, real, "left: simulated, right: real");
            assert!(!real.is_empty(), "a case must look at something");
        }
    )*};
}

pub(crate) use {agree, see};
