//! HTTP/1.1 over the simulated network: [`send`] a request, [`serve`] requests.
//!
//! What the rest of this crate is made of, and what a third party of your own is made of:
//!
//! ```
//! use sim_world::http::{self, Incoming, Response};
//! # fn example(sim: sim_runtime::Sim) {
//! sim.node("weather").boot(|| {
//!     http::serve(80, |request: Incoming| async move {
//!         match request.path.as_str() {
//!             "/today" => Response::json(200, &serde_json::json!({ "sky": "clear" })),
//!             _ => Response::empty(404),
//!         }
//!     })
//! });
//! # }
//! ```

mod error;
mod incoming;
mod request;
mod response;
mod send;
mod serve;

pub use error::Error;
pub use incoming::{Incoming, Malformed};
pub use request::Request;
pub use response::Response;
pub use send::{send, send_within, until_served};
pub use serve::serve;

pub use hyper::{HeaderMap, Method};
