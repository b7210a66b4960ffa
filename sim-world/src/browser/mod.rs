//! A person's device: a browser with cookies and tabs.
//!
//! ```
//! use sim_world::Browser;
//! use sim_world::http::Request;
//! use std::time::Duration;
//! # async fn example(sim: &sim_runtime::Sim) -> Result<(), sim_world::http::Error> {
//! let phone = Browser::new(sim, "anna-phone");
//! let laptop = Browser::new(sim, "anna-laptop");
//! let shop = phone.tab("http://shop:3000");
//! shop.submit("/login", &[("user", "anna"), ("password", "secret")]).await?;
//! let (first, second) = shop.double_click(Request::post("/orders").json(&["book"])).await;
//! shop.abandon(Request::post("/pay"), Duration::from_millis(30)).await;
//! shop.resubmit().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Each device is a node, so that its way to the service can be cut and its clock be wrong. All tabs of a device share
//! its cookies; two devices share nothing but what the service knows of the account. Cookies are kept as their answers
//! arrive, so a slow answer overwrites what a faster one set.

mod cookie;
mod tab;

pub use cookie::Cookie;
pub use tab::{Click, Tab};

use crate::shared::Shared;
use cookie::Jar;
use sim_runtime::Sim;
use sim_runtime::node::Node;
use std::time::Duration;

/// A device with its cookies; see the [module](self). Cheap to clone: the clone is the same device.
#[derive(Clone, Debug)]
pub struct Browser {
    node: Node,
    jar: Shared<Jar>,
    patience: Duration,
}

/// How long a tab waits for an answer: near what browsers do.
const PATIENCE: Duration = Duration::from_secs(60);

impl Browser {
    /// A device that is a node called `device`. A name used before is the same machine with other cookies: another
    /// profile.
    pub fn new(sim: &Sim, device: &str) -> Self {
        Self { node: sim.node(device), jar: Shared::default(), patience: PATIENCE }
    }

    /// How long its tabs wait for an answer. Default 60 s.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The device.
    pub fn node(&self) -> Node {
        self.node
    }

    /// A new tab on a site, `http://HOST[:PORT]`.
    ///
    /// # Panics
    ///
    /// If `site` does not begin with `http://`.
    pub fn tab(&self, site: &str) -> Tab {
        Tab::new(self.clone(), site)
    }

    /// The cookies the device would send to a host, by name.
    pub fn cookies(&self, host: &str) -> Vec<Cookie> {
        let now = self.node.wall();
        self.jar.with(|jar| jar.of_host(host, now))
    }

    /// The value of a cookie of a host.
    pub fn cookie(&self, host: &str, name: &str) -> Option<String> {
        self.cookies(host).into_iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value)
    }

    /// Sets a cookie for a host, as a script on its page does.
    pub fn set_cookie(&self, host: &str, name: &str, value: &str) {
        let now = self.node.wall();
        self.jar.with(|jar| jar.store(host, &format!("{name}={value}; Path=/"), now));
    }

    /// Forgets all cookies.
    pub fn clear_cookies(&self) {
        self.jar.with(|jar| *jar = Jar::default());
    }
}
