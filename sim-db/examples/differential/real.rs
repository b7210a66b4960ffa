//! A real PostgreSQL: a temporary cluster on a socket in a temporary folder.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::{net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    client::{self, Answer, Inbox},
    side::{Seen, Side},
};

/// `deadlock_timeout` of the cluster: each waiter has looked for a deadlock before the next step is sent.
const DEADLOCK_TIMEOUT: Duration = Duration::from_millis(5);
const POLL: Duration = Duration::from_micros(300);
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// A cluster that goes when it is dropped.
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    user: Option<(u32, u32)>,
}

impl Cluster {
    /// Makes and starts one, `name` telling it from others of this process; `None` if PostgreSQL is not installed.
    ///
    /// # Errors
    /// It is there and cannot be started.
    pub fn start(name: &str) -> io::Result<Option<Self>> {
        let Ok(output) = Command::new("pg_config").arg("--bindir").output() else { return Ok(None) };
        let programs = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if !programs.join("initdb").exists() {
            return Ok(None);
        }
        let folder = std::env::temp_dir().join(format!("sim-db-differential-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder)?;
        // PostgreSQL refuses to run as root.
        let user = if is_root()? { Some(postgres_user()?) } else { None };
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid))?;
        }
        let cluster = Self { folder, programs, user };
        cluster.run("initdb", &["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"])?;
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nfsync = off\nautovacuum = off\n\
             timezone = 'UTC'\ndeadlock_timeout = {}ms\nsynchronous_commit = off\nfull_page_writes = off\n\
             shared_buffers = 64MB\nmax_connections = 30\n",
            cluster.folder.display(),
            DEADLOCK_TIMEOUT.as_millis()
        );
        let file = cluster.data().join("postgresql.conf");
        fs::OpenOptions::new().append(true).open(file)?.write_all(settings.as_bytes())?;
        let log = cluster.folder.join("log");
        cluster.run("pg_ctl", &["-l", &log.to_string_lossy(), "-w", "start"])?;
        Ok(Some(cluster))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> io::Result<()> {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-D").arg(self.data()).args(arguments).current_dir(&self.folder);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        // pg_ctl's server would keep a pipe of ours open.
        let output = command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()?;
        if output.success() { Ok(()) } else { Err(io::Error::other(format!("{program} failed: {output}"))) }
    }

    fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Best effort: the folder is temporary.
        let _ = self.run("pg_ctl", &["-m", "immediate", "-w", "stop"]);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn is_root() -> io::Result<bool> {
    Ok(fs::read_to_string("/proc/self/status")?.lines().any(|line| line.starts_with("Uid:\t0\t")))
}

fn postgres_user() -> io::Result<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let ids = passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.first() == Some(&"postgres")).then_some(())?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    });
    ids.ok_or_else(|| io::Error::other("running as root needs a user named postgres"))
}

struct Connection {
    stream: UnixStream,
    inbox: Inbox,
    /// A statement has been sent and not answered.
    busy: bool,
}

impl Connection {
    fn open(socket: &Path) -> io::Result<Self> {
        let mut stream = UnixStream::connect(socket)?;
        stream.write_all(&client::startup("postgres", "postgres"))?;
        let mut connection = Self { stream, inbox: Inbox::default(), busy: true };
        connection.wait(STEP_TIMEOUT);
        Ok(connection)
    }

    /// Waits for the answer, `limit` at most.
    fn wait(&mut self, limit: Duration) -> Option<Answer> {
        let answer = self.read_answer(limit);
        self.busy &= answer.is_none();
        answer
    }

    fn read_answer(&mut self, limit: Duration) -> Option<Answer> {
        let end = Instant::now() + limit;
        loop {
            if let Some(answer) = self.inbox.answer() {
                return Some(answer);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.stream.set_read_timeout(Some(left)).expect("a positive timeout");
            let mut room = [0; 8_192];
            match self.stream.read(&mut room) {
                Ok(0) => return Some(self.inbox.closed()),
                Ok(n) => self.inbox.push(&room[..n]),
                Err(error) if is_timeout(&error) => {}
                Err(_) => return Some(self.inbox.closed()),
            }
        }
    }

    fn send(&mut self, sql: &str) {
        self.busy = true;
        // A closed connection is noticed when the answer is read.
        let _ = self.stream.write_all(&client::query(sql));
    }

    fn run(&mut self, sql: &str) -> Answer {
        self.send(sql);
        self.wait(STEP_TIMEOUT)
            .unwrap_or_else(|| Answer { message: "no answer".to_owned(), ..Answer::default() })
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// Sessions of a cluster, used again from schedule to schedule.
pub struct Real {
    socket: PathBuf,
    control: Connection,
    probe: Connection,
    sessions: Vec<Connection>,
    pids: String,
}

impl Real {
    /// Connects.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub fn connect(cluster: &Cluster) -> io::Result<Self> {
        let socket = cluster.socket();
        let control = Connection::open(&socket)?;
        let probe = Connection::open(&socket)?;
        Ok(Self { socket, control, probe, sessions: Vec::new(), pids: String::new() })
    }

    fn is_blocked(&mut self, session: usize) -> bool {
        let pid = self.sessions[session].inbox.pid;
        // Whoever waits for a safe snapshot waits, even where the server names nobody.
        let sql = format!(
            "SELECT pg_catalog.pg_isolation_test_session_is_blocked({pid}, '{{{}}}') OR EXISTS \
             (SELECT FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'SafeSnapshot')",
            self.pids
        );
        let answer = self.probe.run(&sql);
        let cell = answer.outcomes.first().and_then(|o| o.rows.first()).and_then(|row| row[0].as_deref());
        cell == Some("t")
    }

    /// Waits until the session has answered or is seen waiting.
    fn look(&mut self, session: usize) -> Seen {
        let end = Instant::now() + STEP_TIMEOUT;
        let mut pause = POLL;
        loop {
            if let Some(answer) = self.sessions[session].wait(pause) {
                return Seen::Answered(answer);
            }
            if self.is_blocked(session) {
                return Seen::Blocked;
            }
            if Instant::now() >= end {
                let sql = "SELECT pid, state, wait_event_type, wait_event, pg_blocking_pids(pid), \
                           pg_safe_snapshot_blocking_pids(pid), query FROM pg_stat_activity WHERE datname IS NOT NULL";
                let activity = self.probe.run(sql).summary();
                let pid = self.sessions[session].inbox.pid;
                panic!(
                    "session {session} (pid {pid} of {}) neither answers nor waits: {activity}",
                    self.pids
                );
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

impl Side for Real {
    fn begin(&mut self, setup: &[String], sessions: usize, each: &str) -> Result<(), String> {
        if self.sessions.iter().any(|session| session.busy) {
            // The schedule before ended at a difference, with sessions that wait.
            for session in self.sessions.drain(..) {
                self.probe.run(&format!("SELECT pg_terminate_backend({}, 5000)", session.inbox.pid));
            }
        }
        while self.sessions.len() < sessions {
            let connection = Connection::open(&self.socket).map_err(|e| e.to_string())?;
            self.sessions.push(connection);
        }
        for session in &mut self.sessions {
            session.run("ROLLBACK");
            session.run("DISCARD ALL");
            session.run(each);
        }
        let pids: Vec<String> = self.sessions.iter().map(|s| s.inbox.pid.to_string()).collect();
        self.pids = pids.join(",");
        let script = format!("DROP SCHEMA public CASCADE; CREATE SCHEMA public; {}", setup.join("; "));
        let answer = self.control.run(&script);
        if answer.sqlstate.is_some() || answer.status != 'I' {
            return Err(format!("setup: {}", answer.summary()));
        }
        Ok(())
    }

    fn send(&mut self, session: usize, sql: &str) {
        self.sessions[session].send(sql);
    }

    fn watch(&mut self, busy: &[usize]) -> Vec<Seen> {
        let mut seen: Vec<Seen> = busy.iter().map(|session| self.look(*session)).collect();
        loop {
            if seen.iter().all(|s| matches!(s, Seen::Answered(_))) {
                return seen;
            }
            // Deadlocks are looked for after a while, and one who went on may have freed another.
            std::thread::sleep(DEADLOCK_TIMEOUT + Duration::from_millis(3));
            let mut moved = false;
            for (i, session) in busy.iter().enumerate() {
                if seen[i] == Seen::Blocked {
                    seen[i] = self.look(*session);
                    moved |= seen[i] != Seen::Blocked;
                }
            }
            if !moved {
                return seen;
            }
        }
    }

    fn control(&mut self, sql: &str) -> Answer {
        self.control.run(sql)
    }
}
