//! An answer.

use super::request::header;
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An answer, received or to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// An answer without body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// An answer of plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        let answer = Self { body: text.into().into(), ..Self::empty(status) };
        answer.header(CONTENT_TYPE.as_str(), "text/plain; charset=utf-8")
    }

    /// An answer of JSON.
    ///
    /// # Panics
    ///
    /// If `value` cannot be JSON.
    pub fn json(status: u16, value: &(impl Serialize + ?Sized)) -> Self {
        let body = serde_json::to_vec(value).expect("the answer can be written as JSON");
        Self { body: body.into(), ..Self::empty(status) }.header(CONTENT_TYPE.as_str(), "application/json")
    }

    /// With one more header.
    ///
    /// # Panics
    ///
    /// If the name or the value cannot stand in a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let (name, value) = header(name, value);
        self.headers.append(name, value);
        self
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, if it is text.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text; bytes that are not UTF-8 become the replacement character.
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON of any shape; `null` if it is no JSON.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as JSON of the shape of `T`.
    ///
    /// # Errors
    ///
    /// If the body is something else.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}
