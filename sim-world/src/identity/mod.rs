//! An identity provider.
//!
//! ```
//! use sim_world::Identity;
//! use std::time::Duration;
//! # fn example(sim: &sim_runtime::Sim) {
//! let identity = Identity::start(sim, "identity");
//! identity.add_user("anna", "secret", &["customer"]);
//! identity.set_access_lifetime(Duration::from_secs(300));
//! sim.node("api").set_variable("JWKS_URL", &format!("{}/.well-known/jwks.json", identity.url()));
//! // … and in the middle of things:
//! identity.set_roles("anna", &[]);
//! identity.rotate_signing_key();
//! # }
//! ```
//!
//! # What services and browsers see: `http://NAME`, port 80
//!
//! Bodies are JSON or forms.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /login` | `username`, `password`, `device` | tokens; 401 |
//! | `POST /token` | `grant_type` `password` (as above) or `refresh_token` with `refresh_token` | tokens; 400 |
//! | `POST /introspect` | `token` | `{"active", "sub", "sid", "roles", "roles_version", "iat", "exp"}` (RFC 7662) |
//! | `POST /revoke` | `token`, access or refresh | 200 (RFC 7009): the session ends |
//! | `POST /logout` with the access token | `everywhere` (`false`) | 204: this session ends, or all of the user |
//! | `GET /userinfo` with the access token | | `{"sub", "roles", "roles_version"}`; 401 |
//! | `GET /.well-known/jwks.json` | | the public keys (RFC 7517) |
//!
//! Tokens are `{"access_token", "refresh_token", "token_type": "Bearer", "expires_in", "session"}`. The access token is
//! a JWT signed with Ed25519 (`EdDSA`, RFC 8037) with the claims `iss`, `sub`, `sid`, `roles`, `roles_version`, `iat`,
//! `exp`, `jti`; times are of the provider's own clock, so a service whose clock differs
//! ([`Node::jump_wall_clock`]) sees tokens from the future or long expired. Roles in a token are those at its issue;
//! introspection answers the present ones and knows of revocation.
//!
//! **Rotation.** A refresh token is good once. The one before the current one, within the grace period
//! ([`Identity::set_refresh_grace`], 10 s), is answered with the same successor: two tabs may refresh at once. Any other
//! old one is a theft: the session is revoked ([`Reason::Reuse`]).
//!
//! # Faults
//!
//! | kind in a plan | what |
//! |---|---|
//! | `identity.slow` | up to 30 s more |
//! | `identity.unavailable` | 503, nothing happened |

mod api;
mod session;
mod signing;
mod token;

pub use session::{Reason, Revocation, Session, Tokens};
pub use token::{Claims, TokenError, verify};

use crate::event::{fact, now};
use crate::http;
use crate::shared::Shared;
use session::Sessions;
use signing::Keys;
use sim_runtime::Sim;
use sim_runtime::node::Node;
use sim_runtime::time::Nanos;
use std::collections::BTreeMap;
use std::time::Duration;

/// An identity provider; see the [module](self). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Identity {
    node: Node,
    state: Shared<State>,
}

#[derive(Debug)]
struct State {
    users: BTreeMap<String, User>,
    sessions: Sessions,
    keys: Keys,
    tokens_made: u64,
    access_lifetime: Duration,
    refresh_lifetime: Duration,
    refresh_grace: Duration,
    latency: Duration,
}

#[derive(Debug)]
struct User {
    password: String,
    active: bool,
    /// All that ever were, with the time from which on; never empty.
    roles: Vec<(Nanos, Vec<String>)>,
}

impl User {
    fn roles(&self) -> &[String] {
        self.roles.last().map_or(&[], |(_, roles)| roles)
    }

    /// Grows with each change.
    fn version(&self) -> u64 {
        self.roles.len() as u64
    }
}

const ACCESS_LIFETIME: Duration = Duration::from_secs(15 * 60);
const REFRESH_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
const REFRESH_GRACE: Duration = Duration::from_secs(10);
const LATENCY: Duration = Duration::from_millis(5);

impl Identity {
    /// Starts a provider on the node `name`. What it knows survives a crash of the node.
    pub fn start(sim: &Sim, name: &str) -> Self {
        let node = sim.node(name);
        let state = Shared::new(State {
            users: BTreeMap::new(),
            sessions: Sessions::default(),
            keys: Keys::new(name),
            tokens_made: 0,
            access_lifetime: ACCESS_LIFETIME,
            refresh_lifetime: REFRESH_LIFETIME,
            refresh_grace: REFRESH_GRACE,
            latency: LATENCY,
        });
        let identity = Self { node, state };
        let own = identity.clone();
        node.boot(move || {
            let own = own.clone();
            async move { http::serve(80, move |request| api::handle(own.clone(), request)).await }
        });
        identity
    }

    /// The node it runs on, to crash, cut off, or give another clock.
    pub fn node(&self) -> Node {
        self.node
    }

    /// Where services find it; also the issuer of its tokens.
    pub fn url(&self) -> String {
        format!("http://{}", self.node.name())
    }

    /// How long access tokens are good. Default 15 minutes.
    pub fn set_access_lifetime(&self, lifetime: Duration) {
        self.state.with(|state| state.access_lifetime = lifetime);
    }

    /// How long a refresh token is good if it is not used. Default 30 days.
    pub fn set_refresh_lifetime(&self, lifetime: Duration) {
        self.state.with(|state| state.refresh_lifetime = lifetime);
    }

    /// How long after a rotation the old refresh token is answered with the same successor. Default 10 s; zero
    /// makes every second use a theft.
    pub fn set_refresh_grace(&self, grace: Duration) {
        self.state.with(|state| state.refresh_grace = grace);
    }

    /// How long a request takes. Default 5 ms.
    pub fn set_latency(&self, latency: Duration) {
        self.state.with(|state| state.latency = latency);
    }

    /// Adds a user.
    ///
    /// # Panics
    ///
    /// If there is a user of this name.
    pub fn add_user(&self, name: &str, password: &str, roles: &[&str]) {
        let user = User { password: password.to_owned(), active: true, roles: vec![(now(), owned(roles))] };
        let before = self.state.with(|state| state.users.insert(name.to_owned(), user));
        assert!(before.is_none(), "there is a user `{name}` already");
    }

    /// Gives a user other roles, from now on. Tokens that are out keep those they were issued with.
    ///
    /// # Panics
    ///
    /// If there is no such user.
    pub fn set_roles(&self, name: &str, roles: &[&str]) {
        self.user(name, |user| user.roles.push((now(), owned(roles))));
        fact("identity", || format!("{name} has the roles [{}]", roles.join(", ")));
    }

    /// Locks a user out: logins fail, all sessions end.
    ///
    /// # Panics
    ///
    /// If there is no such user.
    pub fn deactivate(&self, name: &str) {
        self.user(name, |user| user.active = false);
        self.revoke_user(name);
    }

    /// Ends all sessions of a user.
    pub fn revoke_user(&self, name: &str) {
        self.revoke_where(Reason::Administrator, |session| session.user == name);
    }

    /// Ends one session.
    pub fn revoke_session(&self, id: &str) {
        self.revoke_where(Reason::Administrator, |session| session.id == id);
    }

    /// Signs with a new key from now on; the old one stays published, so that its tokens stay good. The id of the
    /// new one.
    pub fn rotate_signing_key(&self) -> String {
        let id = self.state.with(|state| state.keys.rotate());
        fact("identity", || format!("signs with {id}"));
        id
    }

    /// Publishes a key no longer: its tokens are no good to whoever looks.
    ///
    /// # Panics
    ///
    /// If it is the one that signs, or there is no such key.
    pub fn remove_signing_key(&self, id: &str) {
        self.state.with(|state| state.keys.remove(id));
        fact("identity", || format!("{id} is no longer published"));
    }

    /// The public keys, as `/.well-known/jwks.json` gives them.
    pub fn jwks(&self) -> serde_json::Value {
        self.state.with(|state| state.keys.to_json())
    }

    /// A session without the wire, as after a login.
    ///
    /// # Panics
    ///
    /// If there is no such user.
    pub fn issue(&self, user: &str, device: &str) -> Tokens {
        self.user(user, |_| ());
        self.open_session(user, device)
    }

    /// What a token is at this moment to the provider itself: `None` if it is not good.
    pub fn introspect(&self, token: &str) -> Option<Claims> {
        let claims = verify(token, &self.jwks(), self.seconds()).ok()?;
        self.state.with(|state| {
            let user = state.users.get(&claims.sub).filter(|user| user.active)?;
            state.sessions.find(&claims.sid).filter(|session| session.revoked.is_none())?;
            Some(Claims { roles: user.roles().to_vec(), roles_version: user.version(), ..claims })
        })
    }

    /// All sessions, in the order they began.
    pub fn sessions(&self) -> Vec<Session> {
        self.state.with(|state| state.sessions.all())
    }

    /// The present roles of a user.
    ///
    /// # Panics
    ///
    /// If there is no such user.
    pub fn roles(&self, user: &str) -> Vec<String> {
        self.user(user, |user| user.roles().to_vec())
    }

    /// Since when (true virtual time) a user has not had a role any more; `None` for a user who has it now, or
    /// never had.
    ///
    /// # Panics
    ///
    /// If there is no such user.
    pub fn role_lost(&self, user: &str, role: &str) -> Option<Nanos> {
        let had = |roles: &[String]| roles.iter().any(|of| of == role);
        self.user(user, |user| {
            let last = user.roles.iter().rposition(|(_, roles)| had(roles))?;
            user.roles.get(last + 1).map(|(since, _)| *since)
        })
    }

    /// The provider's clock, in seconds since the Unix epoch.
    fn seconds(&self) -> u64 {
        self.node.wall() / sim_runtime::time::SECOND
    }

    fn user<T>(&self, name: &str, f: impl FnOnce(&mut User) -> T) -> T {
        self.state.with(|state| {
            let known: Vec<String> = state.users.keys().cloned().collect();
            let Some(user) = state.users.get_mut(name) else {
                panic!("there is no user `{name}`; users are: {}", known.join(", "))
            };
            f(user)
        })
    }
}

fn owned(roles: &[&str]) -> Vec<String> {
    roles.iter().map(|role| (*role).to_owned()).collect()
}
