//! The simulated network: packets, links, TCP, UDP, names, request-level faults.
