//! The only door to the real machine: libc hooks, threads, processes.
