//! A request to be answered.

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{HeaderMap, Method};
use serde_json::{Map, Value};
use sim_runtime::executor::with_current;
use sim_runtime::node::{Node, nodes};
use std::net::IpAddr;

/// A request to be answered.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// What follows the `?`; empty if nothing does.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Address of the machine that asks.
    pub from: IpAddr,
}

/// A body that is neither a JSON object nor a form.
#[derive(Debug, thiserror::Error)]
#[error("the body is neither a JSON object nor a form: {0}")]
pub struct Malformed(String);

impl Incoming {
    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token of `Authorization: Bearer TOKEN`.
    pub fn bearer(&self) -> Option<&str> {
        self.header(AUTHORIZATION.as_str())?.strip_prefix("Bearer ")
    }

    /// The method and the parts of the path, to be matched: `("POST", ["orders", id])`.
    pub fn route(&self) -> (&str, Vec<&str>) {
        (self.method.as_str(), self.path.split('/').filter(|part| !part.is_empty()).collect())
    }

    /// A value of the query.
    pub fn query_value(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The fields of the body, a JSON object or a form. No body has no fields; the values of a form are strings.
    ///
    /// # Errors
    ///
    /// If the body is something else.
    pub fn fields(&self) -> Result<Map<String, Value>, Malformed> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        let form =
            self.header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("x-www-form-urlencoded"));
        if form {
            let pairs = form_urlencoded::parse(&self.body);
            return Ok(pairs
                .map(|(key, value)| (key.into_owned(), Value::from(value.into_owned())))
                .collect());
        }
        serde_json::from_slice(&self.body).map_err(|error| Malformed(error.to_string()))
    }

    /// The node that asks; `None` for the scenario's own code.
    pub fn node(&self) -> Option<Node> {
        with_current(|world| nodes(world).at_address(self.from)).map(Node::from_id)
    }
}
