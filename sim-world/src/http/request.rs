//! A request to be sent.

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use serde::Serialize;

/// A request to be sent.
///
/// ```
/// use sim_world::http::Request;
/// let request = Request::post("http://api:3000/orders").header("x-request-id", "7").json(&vec![1, 2]);
/// assert_eq!(request.body, "[1,2]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// `http://HOST[:PORT]/PATH[?QUERY]`. HOST is the name of a node, a name of the resolver or an address; the
    /// default port is 80.
    pub url: String,
    /// Headers; `host` and `content-length` come by themselves.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// A request without body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::POST, url)
    }

    /// `PUT`.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new(Method::PUT, url)
    }

    /// `PATCH`.
    pub fn patch(url: impl Into<String>) -> Self {
        Self::new(Method::PATCH, url)
    }

    /// `DELETE`.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new(Method::DELETE, url)
    }

    /// With a header, in place of an earlier one of that name.
    ///
    /// # Panics
    ///
    /// If the name or the value cannot stand in a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let (name, value) = header(name, value);
        self.headers.insert(name, value);
        self
    }

    /// With `Authorization: Bearer TOKEN`.
    ///
    /// # Panics
    ///
    /// If the token cannot stand in a header.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// With a JSON body.
    ///
    /// # Panics
    ///
    /// If `value` cannot be JSON (a map whose keys are no strings, an error of its own).
    #[must_use]
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        self.body = serde_json::to_vec(value).expect("the body can be written as JSON").into();
        self.header(CONTENT_TYPE.as_str(), "application/json")
    }

    /// With the body of a submitted form.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.body = form.finish().into();
        self.header(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")
    }

    /// With a body as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// `METHOD PATH`, for messages.
    pub fn line(&self) -> String {
        let path = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        format!("{} {}", self.method, path.find('/').map_or("/", |at| &path[at..]))
    }
}

/// A header from text.
///
/// # Panics
///
/// If it cannot be one.
pub(crate) fn header(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
    let (Ok(name), Ok(value)) = parsed else { panic!("`{name}: {value}` cannot be a header") };
    (name, value)
}
