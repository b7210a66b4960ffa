//! The store under test, in this process.

use std::time::Duration;

use sim_db::wire::Authentication;

use crate::{
    client::{self, Answer, Inbox},
    side::{Seen, Side},
    world::{Client, World},
};

const BUFFER_BYTES: usize = 1 << 20;
/// Twice `deadlock_timeout`: whoever waits has looked for a deadlock by then.
const PATIENCE: Duration = Duration::from_secs(2);

struct Connection {
    client: Client,
    inbox: Inbox,
}

/// A world per schedule.
#[derive(Default)]
pub struct Ours {
    world: Option<World>,
    control: Option<Connection>,
    sessions: Vec<Connection>,
    order: u64,
}

impl Ours {
    fn connect(world: &World) -> Connection {
        let mut client = world.connect(BUFFER_BYTES);
        client.send(&client::startup("postgres", "d"));
        world.settle();
        let mut connection = Connection { client, inbox: Inbox::default() };
        connection.receive();
        connection
    }
}

impl Connection {
    fn receive(&mut self) -> Option<Answer> {
        let (bytes, closed) = self.client.receive();
        self.inbox.push(&bytes);
        self.inbox.answer().or_else(|| closed.then(|| self.inbox.closed()))
    }

    fn run(&mut self, world: &World, sql: &str) -> Answer {
        self.client.send(&client::query(sql));
        world.advance(PATIENCE);
        self.receive().unwrap_or_else(|| Answer { message: "no answer".to_owned(), ..Answer::default() })
    }
}

impl Side for Ours {
    fn begin(&mut self, setup: &[String], sessions: usize, each: &str) -> Result<(), String> {
        // The old world goes first: its sessions end with their streams.
        self.sessions.clear();
        self.control = None;
        let world = World::new(Authentication::Trust);
        let mut control = Self::connect(&world);
        let answer = control.run(&world, &setup.join("; "));
        if answer.sqlstate.is_some() || answer.status != 'I' {
            return Err(format!("setup: {}", answer.summary()));
        }
        self.sessions = (0..sessions).map(|_| Self::connect(&world)).collect();
        for session in &mut self.sessions {
            session.run(&world, each);
        }
        world.set_order(self.order);
        self.control = Some(control);
        self.world = Some(world);
        Ok(())
    }

    fn send(&mut self, session: usize, sql: &str) {
        self.sessions[session].client.send(&client::query(sql));
    }

    fn watch(&mut self, busy: &[usize]) -> Vec<Seen> {
        self.world.as_ref().expect("begun").advance(PATIENCE);
        let see = |session: &usize| match self.sessions[*session].receive() {
            Some(answer) => Seen::Answered(answer),
            None => Seen::Blocked,
        };
        busy.iter().map(see).collect()
    }

    fn set_order(&mut self, order: u64) {
        self.order = order;
    }

    fn control(&mut self, sql: &str) -> Answer {
        let world = self.world.as_ref().expect("begun");
        self.control.as_mut().expect("begun").run(world, sql)
    }
}
