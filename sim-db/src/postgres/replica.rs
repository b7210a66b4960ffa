//! A read replica: another node that shows what its primary was a while ago.

use super::{PORT, Postgres};
use crate::engine::Lag;
use crate::wire::serve_replica_connection;
use sim_net::TcpListener;
use sim_runtime::executor::spawn;
use sim_runtime::node::Node;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// A read replica of a [`Postgres`]: asynchronous, with an address of its own. Clones are the same replica.
///
/// A commit on the primary is seen here when the lag has passed, in the order of the commits. Transactions are read only:
/// whatever writes fails with 25006. The replica goes on while its primary is down. Definitions of tables and values of
/// sequences are not late; SERIALIZABLE is REPEATABLE READ.
#[derive(Clone)]
pub struct Replica {
    node: Node,
    lag: Rc<Lag>,
    database: Rc<str>,
}

impl Replica {
    #[track_caller]
    pub(super) fn start(primary: &Postgres, name: &str, lag: Duration) -> Self {
        let node = Node::named(name);
        assert!(node.boots() == 0, "node {name} runs something already: give the replica another name");
        let (server, lag) = (primary.machine.server.clone(), Lag::new(lag));
        server.keep_for_replicas();
        let shared = lag.clone();
        node.boot(move || {
            let (server, lag) = (server.clone(), shared.clone());
            async move {
                let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
                loop {
                    let (stream, _) = listener.accept().await?;
                    let (server, lag) = (server.clone(), lag.clone());
                    drop(spawn(async move { serve_replica_connection(&server, &lag, stream).await }));
                }
                #[allow(unreachable_code, reason = "it says what the errors above become")]
                Ok::<(), std::io::Error>(())
            }
        });
        Self { node, lag, database: primary.database.clone() }
    }

    /// Its node: for links, cuts, crashes.
    pub fn node(&self) -> Node {
        self.node
    }

    /// How clients find it: `postgres://app@NAME/app`.
    pub fn url(&self) -> String {
        format!("postgres://app@{}/{}", self.node.name(), self.database)
    }

    /// How far it is behind.
    pub fn lag(&self) -> Duration {
        self.lag.get()
    }

    /// Changes how far it is behind, at most 10 minutes. What it shows never goes back.
    pub fn set_lag(&self, lag: Duration) {
        self.lag.set(lag);
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Replica").field("url", &self.url()).field("lag", &self.lag()).finish()
    }
}
