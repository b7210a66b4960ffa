//! A machine whose answers are easy to tell from the host's.
#![allow(dead_code, reason = "each test file uses its part")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::net::IpAddr;
use std::rc::Rc;

use sim_host::{Machine, Refused, ResolveError, Variable, Verdict, Waited};

/// What [`FakeMachine`] says the time is when a run starts: 2001-09-09.
pub const WALL_START_S: u64 = 1_000_000_000;
pub const PROCESSORS: usize = 37;

pub struct FakeMachine {
    pub now_ns: Cell<u64>,
    random: Cell<u64>,
    pub variables: RefCell<BTreeMap<Vec<u8>, CString>>,
    pub refused: RefCell<Vec<String>>,
    pub printed: RefCell<Vec<u8>>,
    pub captures: bool,
    /// What another task does while this one waits.
    pub on_wait: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl FakeMachine {
    pub fn new(seed: u64) -> Rc<FakeMachine> {
        FakeMachine::with(seed, false)
    }

    pub fn with(seed: u64, captures: bool) -> Rc<FakeMachine> {
        let variables = BTreeMap::from([(b"NODE".to_vec(), CString::new("api").expect("no NUL"))]);
        Rc::new(FakeMachine {
            now_ns: Cell::new(5_000_000_000),
            random: Cell::new(seed),
            variables: RefCell::new(variables),
            refused: RefCell::default(),
            printed: RefCell::default(),
            captures,
            on_wait: RefCell::default(),
        })
    }
}

impl Machine for FakeMachine {
    fn monotonic_ns(&self) -> u64 {
        // The machine's own reading must not come back to it.
        assert!(!sim_host::is_inside());
        std::hint::black_box(std::time::Instant::now());
        self.now_ns.get()
    }

    fn wall_ns(&self) -> u64 {
        WALL_START_S * 1_000_000_000 + self.now_ns.get()
    }

    fn fill_entropy(&self, out: &mut [u8]) {
        std::hint::black_box((std::env::var_os("PATH"), std::hash::RandomState::new()));
        for byte in out {
            let next = self
                .random
                .get()
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.random.set(next);
            *byte = (next >> 56) as u8;
        }
    }

    fn blocking_sleep(&self, ns: u64) {
        self.now_ns.set(self.now_ns.get() + ns);
    }

    fn raise(&self, signal: i32) {
        self.refused.borrow_mut().push(format!("signal {signal}"));
    }

    fn blocking_wait(&self, _word: usize, limit_ns: Option<u64>, still_waiting: &dyn Fn() -> bool) -> Waited {
        if let Some(task) = self.on_wait.take() {
            sim_host::inside(task);
        }
        if !still_waiting() {
            return Waited::Woken;
        }
        let Some(limit_ns) = limit_ns else { return Waited::Real };
        self.blocking_sleep(limit_ns);
        Waited::TimedOut
    }

    fn processors(&self) -> usize {
        PROCESSORS
    }

    fn process_id(&self) -> u32 {
        4242
    }

    fn variable(&self, name: &[u8]) -> Variable {
        match self.variables.borrow().get(name) {
            Some(value) => Variable::Value(value.clone()),
            None if name == b"CARGO_PKG_NAME" => Variable::Real,
            None => Variable::Absent,
        }
    }

    fn set_variable(&self, name: &[u8], value: Option<&[u8]>) -> bool {
        let mut variables = self.variables.borrow_mut();
        match value {
            Some(value) => variables.insert(name.to_vec(), CString::new(value).expect("came from C")),
            None => variables.remove(name),
        };
        true
    }

    fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        match host {
            "db.internal" => Ok(vec!["10.0.0.7".parse().expect("valid"), "fd00::7".parse().expect("valid")]),
            "slow.internal" => Err(ResolveError::Unavailable),
            _ => Err(ResolveError::Unknown),
        }
    }

    fn host_name(&self) -> Vec<u8> {
        b"node-a".to_vec()
    }

    fn refuse(&self, what: &Refused<'_>) -> Verdict {
        self.refused.borrow_mut().push(what.to_string());
        match what {
            Refused::Read { path } | Refused::Look { path } if path.starts_with("/etc/hostname") => {
                Verdict::Allow
            }
            _ => Verdict::Refuse(what.errno()),
        }
    }

    fn wrote(&self, _fd: i32, bytes: &[u8]) -> bool {
        if self.captures {
            self.printed.borrow_mut().extend_from_slice(bytes);
        }
        self.captures
    }
}

/// Runs `f` inside a run of its own on a fresh thread.
pub fn inside<T: Send + 'static>(seed: u64, f: impl FnOnce(&FakeMachine) -> T + Send + 'static) -> T {
    sim_host::threads::run_on_fresh_thread("run", 1 << 20, move || {
        let machine = FakeMachine::new(seed);
        let _entered = sim_host::enter(machine.clone());
        f(&machine)
    })
    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
