//! What code inside a run sees, and that nobody else sees it.

#![cfg(hooked)]
#![allow(unsafe_code)]

mod support;

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use support::{FakeMachine, PROCESSORS, WALL_START_S, inside};

/// Checks that two runs with one seed see the same, and gives it.
fn same_twice<T: PartialEq + std::fmt::Debug + Send + 'static>(
    f: impl Fn(&FakeMachine) -> T + Clone + Send + 'static,
) -> T {
    let [first, second] = [inside(1, f.clone()), inside(1, f)];
    assert_eq!(first, second, "two runs with one seed");
    first
}

fn wall_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn hash_order() -> Vec<u32> {
    let map: HashMap<u32, u32> = (0..64).map(|key| (key, key)).collect();
    map.into_keys().collect()
}

#[test]
fn clocks_are_the_machines() {
    let (elapsed, wall) = same_twice(|machine| {
        let start = Instant::now();
        machine.now_ns.set(machine.now_ns.get() + 3_600_000_000_000);
        (start.elapsed(), wall_seconds())
    });
    assert_eq!(elapsed, Duration::from_secs(3600));
    assert_eq!(wall, WALL_START_S + 3605);
}

#[test]
fn c_clocks_are_the_machines() {
    let readings = same_twice(|_| {
        let mut value = libc::timeval { tv_sec: 0, tv_usec: 0 };
        // SAFETY: there is room for a timeval.
        unsafe { libc::gettimeofday(&raw mut value, std::ptr::null_mut()) };
        // SAFETY: null asks for the result only.
        (value.tv_sec, unsafe { libc::time(std::ptr::null_mut()) })
    });
    assert_eq!(readings, (1_000_000_005, 1_000_000_005));
}

#[test]
fn a_sleep_takes_virtual_time_only() {
    let real = Instant::now();
    let slept = same_twice(|_| {
        let start = Instant::now();
        thread::sleep(Duration::from_secs(3600));
        start.elapsed()
    });
    assert_eq!(slept, Duration::from_secs(3600));
    assert!(real.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_wait_on_a_channel_ends_in_virtual_time() {
    let waited = same_twice(|_| {
        let (_sender, receiver) = mpsc::channel::<()>();
        let start = Instant::now();
        let result = receiver.recv_timeout(Duration::from_secs(3600));
        (result, start.elapsed())
    });
    assert_eq!(waited, (Err(mpsc::RecvTimeoutError::Timeout), Duration::from_secs(3600)));
}

#[test]
fn a_park_ends_in_virtual_time() {
    let parked = same_twice(|_| {
        let start = Instant::now();
        thread::park_timeout(Duration::from_secs(3600));
        start.elapsed()
    });
    assert_eq!(parked, Duration::from_secs(3600));
}

#[test]
fn hash_order_follows_the_seed() {
    let order = same_twice(|_| hash_order());
    assert_ne!(order, inside(2, |_| hash_order()), "another seed");
    assert_ne!(order, hash_order(), "the host");
}

#[test]
fn hash_keys_are_not_pinned_by_code_outside() {
    let order = same_twice(|_| sim_host::outside(hash_order));
    assert_eq!(order, inside(1, |_| hash_order()));
}

#[test]
fn random_bytes_follow_the_seed() {
    let drawn = |_: &FakeMachine| {
        let mut all = [[0_u8; 16]; 4];
        getrandom_02::getrandom(&mut all[0]).expect("entropy");
        getrandom_03::fill(&mut all[1]).expect("entropy");
        let mut file = std::fs::File::open("/dev/urandom").expect("entropy");
        file.read_exact(&mut all[2]).expect("entropy");
        // SAFETY: the buffer is writable for its own length.
        unsafe { libc::getentropy(all[3].as_mut_ptr().cast(), 16) };
        all
    };
    let all = same_twice(drawn);
    let other = inside(2, drawn);
    for (at, bytes) in all.iter().enumerate() {
        assert_ne!(bytes, &other[at], "source {at}, another seed");
        assert_ne!(bytes, &[0; 16], "source {at}");
    }
}

#[test]
fn processors_are_the_machines() {
    assert_eq!(same_twice(|_| thread::available_parallelism().map(usize::from).ok()), Some(PROCESSORS));
}

#[test]
fn variables_are_the_machines() {
    let seen = same_twice(|_| ["NODE", "HOME", "CARGO_PKG_NAME"].map(|name| std::env::var(name).ok()));
    assert_eq!(seen, [Some("api".to_owned()), None, Some("sim-host".to_owned())]);
}

#[test]
fn a_variable_set_inside_stays_inside() {
    let seen = same_twice(|_| {
        // SAFETY: no other thread reads the environment through pointers; inside a run it is the machine's.
        unsafe { std::env::set_var("SET_INSIDE", "1") };
        let set = std::env::var("SET_INSIDE").ok();
        // SAFETY: as above.
        unsafe { std::env::remove_var("NODE") };
        (set, std::env::var("NODE").ok())
    });
    assert_eq!(seen, (Some("1".to_owned()), None));
    assert_eq!(std::env::var("SET_INSIDE").ok(), None);
}

#[test]
fn names_resolve_on_the_machine() {
    let found = same_twice(|_| {
        let found: Vec<SocketAddr> = "db.internal:5432".to_socket_addrs().expect("known").collect();
        found
    });
    assert_eq!(found, ["10.0.0.7:5432", "[fd00::7]:5432"].map(|address| address.parse().expect("valid")));
}

#[test]
fn unknown_names_fail_as_on_the_host() {
    let errors = same_twice(|_| {
        ["nowhere.internal:1", "slow.internal:1"]
            .map(|name| name.to_socket_addrs().err().map(|error| error.to_string()))
    });
    let [unknown, slow] = errors.map(|error| error.expect("fails"));
    assert!(unknown.contains("Name or service not known"), "{unknown}");
    assert!(slow.contains("Temporary failure in name resolution"), "{slow}");
}

#[test]
fn a_list_of_addresses_can_be_freed_after_the_run() {
    let list = inside(1, |_| {
        let mut list = std::ptr::null_mut();
        // SAFETY: C strings, and room for the list.
        let failed = unsafe {
            libc::getaddrinfo(c"db.internal".as_ptr(), c"http".as_ptr(), std::ptr::null(), &raw mut list)
        };
        assert_eq!(failed, 0);
        list as usize
    });
    let mut elements = 0;
    let mut at = list as *mut libc::addrinfo;
    while !at.is_null() {
        elements += 1;
        // SAFETY: an element of the list, not yet freed.
        at = unsafe { (*at).ai_next };
    }
    // SAFETY: the list came from getaddrinfo.
    unsafe { libc::freeaddrinfo(list as *mut libc::addrinfo) };
    assert_eq!(elements, 6, "two addresses, three kinds of socket");
}

#[test]
fn identity_is_the_machines() {
    let (id, name) = same_twice(|_| {
        let mut name = [0_u8; 64];
        // SAFETY: the buffer is writable for its own length.
        unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) };
        (std::process::id(), String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned())
    });
    assert_eq!((id, name.as_str()), (4242, "node-a"));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_processors_counter_is_the_machines_clock() {
    use std::arch::x86_64::{__rdtscp, _rdtsc};
    let counts = same_twice(|machine| {
        machine.now_ns.set(7 << 32 | 5);
        let mut processor = 9;
        // SAFETY: every x86-64 processor has both.
        let counts = unsafe { [_rdtsc(), __rdtscp(&raw mut processor)] };
        // SAFETY: as above.
        let outside = sim_host::outside(|| unsafe { _rdtsc() });
        assert_ne!(outside, counts[0]);
        (counts, processor)
    });
    assert_eq!(counts, ([7 << 32 | 5; 2], 0));
    // SAFETY: as above.
    assert_ne!(unsafe { _rdtsc() }, 7 << 32 | 5);
}

#[test]
fn threads_are_refused() {
    let (error, refused) = same_twice(|machine| {
        let error = thread::Builder::new().spawn(|| ()).map(drop).expect_err("refused").raw_os_error();
        (error, machine.refused.borrow().clone())
    });
    assert_eq!(error, Some(libc::EAGAIN));
    assert!(refused[0].contains("a thread was started"), "{refused:?}");
}

#[test]
fn processes_are_refused() {
    let (kind, refused) = same_twice(|machine| {
        let error = std::process::Command::new("/bin/true").spawn().map(drop).expect_err("refused");
        (error.kind(), machine.refused.borrow().join("\n"))
    });
    assert_eq!(kind, ErrorKind::PermissionDenied);
    assert!(refused.contains("/bin/true"), "{refused}");
}

#[test]
fn sockets_do_not_reach_the_host() {
    let (kinds, refused) = same_twice(|machine| {
        let connect = TcpStream::connect("db.internal:5432").map(drop);
        let limited =
            TcpStream::connect_timeout(&"10.0.0.7:80".parse().expect("valid"), Duration::from_secs(1))
                .map(drop);
        let listen = TcpListener::bind("127.0.0.1:0").map(drop);
        let send = UdpSocket::bind("127.0.0.1:0").map(drop);
        let kinds = [connect, limited, listen, send].map(|result| result.expect_err("refused").kind());
        (kinds, machine.refused.borrow().join("\n"))
    });
    let [refuses, denies] = [ErrorKind::ConnectionRefused, ErrorKind::PermissionDenied];
    assert_eq!(kinds, [refuses, refuses, denies, denies]);
    for part in ["connect to 10.0.0.7:5432", "connect to [fd00::7]:5432", "bind to 127.0.0.1:0"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn files_of_the_host_need_leave() {
    let (results, refused) = same_twice(|machine| {
        let read = std::fs::read("/etc/passwd").map(drop).map_err(|error| error.kind());
        let allowed = std::fs::read("/etc/hostname").map(drop).map_err(|error| error.kind());
        let write = std::fs::write("/tmp/sim-host-refused", "x").map_err(|error| error.kind());
        let remove = std::fs::remove_file("/tmp/sim-host-refused").map_err(|error| error.kind());
        ([read, allowed, write, remove], machine.refused.borrow().join("\n"))
    });
    let denied = Err(ErrorKind::PermissionDenied);
    assert_eq!(results, [denied, Ok(()), denied, denied]);
    assert!(refused.contains("/tmp/sim-host-refused of the host was to be written"), "{refused}");
}

#[test]
fn files_of_the_host_are_not_there() {
    let (seen, refused) = same_twice(|machine| {
        let seen = ["/etc/passwd", "/etc/hostname"].map(|path| std::path::Path::new(path).exists());
        let link = std::fs::read_link("/proc/self/cwd").map(drop).map_err(|error| error.kind());
        let own = std::fs::File::open("/etc/hostname").and_then(|file| file.metadata()).is_ok();
        ((seen, link, own), machine.refused.borrow().join("\n"))
    });
    assert_eq!(seen, ([false, true], Err(ErrorKind::NotFound), true));
    assert!(refused.contains("/etc/passwd of the host was looked for"), "{refused}");
}

#[test]
fn a_wait_can_run_other_tasks() {
    let received = same_twice(|machine| {
        let (sender, receiver) = mpsc::channel();
        machine.on_wait.replace(Some(Box::new(move || sender.send(wall_seconds()).expect("waited for"))));
        (receiver.recv().ok(), sim_host::is_inside())
    });
    assert_eq!(received, (Some(WALL_START_S + 5), true));
}

#[test]
fn output_can_be_taken() {
    let printed = sim_host::threads::run_on_fresh_thread("run", 1 << 20, || {
        let machine = FakeMachine::with(1, true);
        let _entered = sim_host::enter(machine.clone());
        std::io::Write::write_all(&mut std::io::stderr(), b"to nobody\n").expect("taken");
        machine.printed.borrow().clone()
    });
    assert_eq!(printed.expect("no panic"), b"to nobody\n");
}

#[test]
fn other_threads_stay_in_the_real_world() {
    let (ask, asked) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let outsider = thread::spawn(move || {
        for () in asked {
            let seen = (
                wall_seconds(),
                std::env::var("NODE").ok(),
                std::process::id(),
                thread::spawn(|| 1).join().ok(),
            );
            answer.send(seen).expect("waited for");
        }
    });
    let seen = inside(1, move |_| {
        ask.send(()).expect("waited for");
        // The run itself waits for the host here.
        sim_host::outside(|| answered.recv_timeout(Duration::from_secs(60)).expect("answers"))
    });
    outsider.join().expect("no panic");
    assert!(seen.0 > WALL_START_S + 500_000_000);
    assert_eq!((seen.1, seen.2, seen.3), (None, std::process::id(), Some(1)));
}

#[test]
fn runs_side_by_side_do_not_see_each_other() {
    let alone: Vec<_> = (0..4).map(|seed| inside(seed, |_| hash_order())).collect();
    let together = thread::scope(|scope| {
        let many = |seed| (0..50).map(|_| inside(seed, |_| hash_order())).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|seed| scope.spawn(move || many(seed))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
    });
    for (seed, orders) in together.iter().enumerate() {
        assert!(orders.iter().all(|order| *order == alone[seed]), "seed {seed}");
    }
}

#[test]
fn outside_is_real_and_inside_comes_back() {
    let (real, again, after) = inside(1, |_| {
        let real = sim_host::outside(wall_seconds);
        let again = sim_host::outside(|| sim_host::inside(wall_seconds));
        (real, again, wall_seconds())
    });
    assert!(real > WALL_START_S + 500_000_000);
    assert_eq!([again, after], [WALL_START_S + 5; 2]);
}

#[test]
fn a_panic_restores_the_gate_of_outside() {
    let inside_again = inside(1, |_| {
        let caught =
            std::panic::catch_unwind(|| sim_host::outside(|| std::panic::resume_unwind(Box::new(()))));
        assert!(caught.is_err());
        sim_host::is_inside()
    });
    assert!(inside_again);
}

#[test]
fn leaving_restores_the_real_world() {
    let seen = sim_host::threads::run_on_fresh_thread("run", 1 << 20, || {
        drop(sim_host::enter(FakeMachine::new(1)));
        (sim_host::is_inside(), wall_seconds())
    })
    .expect("no panic");
    assert!(!seen.0 && seen.1 > WALL_START_S + 500_000_000);
}

#[test]
fn a_second_run_on_the_same_thread_is_refused() {
    let message = inside(1, |_| {
        let panic =
            std::panic::catch_unwind(|| drop(sim_host::enter(FakeMachine::new(2)))).expect_err("panics");
        sim_host::threads::panic_message(&panic).map(str::to_owned)
    });
    assert!(message.expect("a message").contains("inside a run already"));
}

#[test]
fn the_real_clock_and_environment_can_be_asked_inside() {
    let (wall, path, virtual_path) = inside(1, |_| {
        (sim_host::real::wall_ns(), sim_host::real::variable("PATH"), std::env::var_os("PATH"))
    });
    assert!(wall / 1_000_000_000 > WALL_START_S + 500_000_000);
    assert_eq!((path, virtual_path), (std::env::var_os("PATH"), None));
    assert_ne!(inside(1, |_| sim_host::real::entropy_u64()), inside(1, |_| sim_host::real::entropy_u64()));
}

thread_local! {
    static ENDING: ReadsAtEnd = const { ReadsAtEnd };
}

struct ReadsAtEnd;

impl Drop for ReadsAtEnd {
    fn drop(&mut self) {
        std::hint::black_box((Instant::now(), std::env::var_os("NODE"), hash_order()));
    }
}

#[test]
fn destructors_of_thread_locals_may_read_clocks() {
    inside(1, |_| ENDING.with(|_| ()));
    // Also when the thread ends without ever leaving the run.
    let ended = sim_host::threads::run_on_fresh_thread("run", 1 << 20, || {
        ENDING.with(|_| ());
        std::mem::forget(sim_host::enter(FakeMachine::new(1)));
    });
    assert!(ended.is_ok());
}
