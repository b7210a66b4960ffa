//! A tab: what a person does on a site.

use super::Browser;
use crate::event::below;
use crate::http::{Error, Request, Response, send};
use crate::shared::Shared;
use futures::future::join;
use hyper::Method;
use hyper::header::{COOKIE, LOCATION, SET_COOKIE};
use serde::Serialize;
use sim_runtime::executor::{JoinError, JoinHandle, sleep, timeout};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A tab on a site. Cheap to clone: the clone is the same tab.
#[derive(Clone, Debug)]
pub struct Tab {
    browser: Browser,
    site: String,
    state: Shared<State>,
}

#[derive(Debug, Default)]
struct State {
    headers: Vec<(String, String)>,
    /// The last request, and the last one that was no `GET`.
    last: Option<Request>,
    submitted: Option<Request>,
}

/// What came of a click.
pub type Click = Result<Response, Error>;

/// Redirects followed at most, as in browsers.
const REDIRECTS_MAX: u32 = 20;
/// Longest time between the clicks of a double click.
const DOUBLE_CLICK_MS_MAX: u64 = 300;

impl Tab {
    pub(super) fn new(browser: Browser, site: &str) -> Self {
        assert!(site.starts_with("http://"), "`{site}` is no site: it should begin with http://");
        Self { browser, site: site.trim_end_matches('/').to_owned(), state: Shared::default() }
    }

    /// The device.
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// Sends this header with each request from now on, as a page's script may: `authorization`, `x-request-id`.
    pub fn set_header(&self, name: &str, value: &str) {
        self.state.with(|state| {
            state.headers.retain(|(known, _)| known != name);
            state.headers.push((name.to_owned(), value.to_owned()));
        });
    }

    /// Sends a header no longer.
    pub fn remove_header(&self, name: &str) {
        self.state.with(|state| state.headers.retain(|(known, _)| known != name));
    }

    /// Opens a path.
    ///
    /// # Errors
    ///
    /// If no answer arrives; a status of failure is an answer.
    pub async fn get(&self, path: &str) -> Click {
        self.send(Request::get(path)).await
    }

    /// Posts JSON.
    ///
    /// # Errors
    ///
    /// As [`Tab::get`].
    pub async fn post(&self, path: &str, body: &(impl Serialize + ?Sized)) -> Click {
        self.send(Request::post(path).json(body)).await
    }

    /// Submits a form.
    ///
    /// # Errors
    ///
    /// As [`Tab::get`].
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Click {
        self.send(Request::post(path).form(fields)).await
    }

    /// Sends a request, whose URL may be a path on the tab's site; follows redirects.
    ///
    /// # Errors
    ///
    /// As [`Tab::get`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection, as leaving the page does.
    pub async fn send(&self, request: Request) -> Click {
        let request = self.prepared(request);
        self.state.with(|state| {
            state.last = Some(request.clone());
            if request.method != Method::GET {
                state.submitted = Some(request.clone());
            }
        });
        let (browser, url) = (self.browser.clone(), request.url.clone());
        if !browser.node.is_up() {
            return Err(Error::Abandoned { url });
        }
        let patience = browser.patience;
        let asked = browser.node.spawn(async move { timeout(patience, browser.ask(request)).await });
        match Leaves(asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Error::TimedOut { url, after: patience }),
            Err(_) => Err(Error::Abandoned { url }),
        }
    }

    /// Sends a request twice, the second time up to 300 ms after the first, without waiting for its answer.
    pub async fn double_click(&self, request: Request) -> (Click, Click) {
        let again = request.clone();
        let pause = Duration::from_millis(below("browser/double click", DOUBLE_CLICK_MS_MAX));
        join(self.send(request), async move {
            sleep(pause).await;
            self.send(again).await
        })
        .await
    }

    /// Sends a request and leaves after a while without waiting on: the service sees a client that disconnects.
    /// `None` if the answer had not arrived by then.
    pub async fn abandon(&self, request: Request, after: Duration) -> Option<Click> {
        timeout(after, self.send(request)).await.ok()
    }

    /// The back button, and the form once more: sends the last request that was no `GET` again.
    ///
    /// # Errors
    ///
    /// As [`Tab::get`].
    ///
    /// # Panics
    ///
    /// If the tab has submitted nothing yet.
    pub async fn resubmit(&self) -> Click {
        let last = self.state.with(|state| state.submitted.clone());
        self.send(last.expect("a tab resubmits what it has submitted: it has submitted nothing yet")).await
    }

    /// Sends the last request again, whatever it was.
    ///
    /// # Errors
    ///
    /// As [`Tab::get`].
    ///
    /// # Panics
    ///
    /// If the tab has opened nothing yet.
    pub async fn reload(&self) -> Click {
        let last = self.state.with(|state| state.last.clone());
        self.send(last.expect("a tab reloads what it has opened: it has opened nothing yet")).await
    }

    /// With the tab's site and headers; those of the request itself win.
    fn prepared(&self, mut request: Request) -> Request {
        if request.url.starts_with('/') {
            request.url = format!("{}{}", self.site, request.url);
        }
        let headers = self.state.with(|state| state.headers.clone());
        for (name, value) in headers {
            if !request.headers.contains_key(&name) {
                request = request.header(&name, &value);
            }
        }
        request
    }
}

/// The page is left when this is dropped.
struct Leaves<T>(JoinHandle<T>);

impl<T> Future for Leaves<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Leaves<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Browser {
    /// Sends a request from the device, with its cookies, and keeps those that come back; follows redirects.
    async fn ask(&self, mut request: Request) -> Click {
        for _ in 0..REDIRECTS_MAX {
            let url = request.url.clone();
            let (site, host, path) = split(&url);
            let cookies = self.jar.with(|jar| jar.header(host, path, self.node.wall()));
            let mut outgoing = request.clone();
            if let Some(cookies) = cookies {
                outgoing = outgoing.header(COOKIE.as_str(), &cookies);
            }
            let answer = send(outgoing).await?;
            let now = self.node.wall();
            for header in answer.headers.get_all(SET_COOKIE) {
                if let Ok(header) = header.to_str() {
                    self.jar.with(|jar| jar.store(host, header, now));
                }
            }
            let Some(location) =
                answer.header_value(LOCATION.as_str()).filter(|_| (301..=308).contains(&answer.status))
            else {
                return Ok(answer);
            };
            let target =
                if location.starts_with('/') { format!("{site}{location}") } else { location.to_owned() };
            let keeps_method = matches!(answer.status, 307 | 308) || request.method == Method::GET;
            request = if keeps_method {
                Request { url: target, ..request }
            } else {
                Request { headers: request.headers, ..Request::get(target) }
            };
        }
        let reason = format!("it led through more than {REDIRECTS_MAX} redirects");
        Err(Error::Invalid { url: request.url, reason })
    }
}

/// Scheme and authority, host without port, and path without query, of a URL.
fn split(url: &str) -> (&str, &str, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    let authority = &url[start..end];
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let path = url[end..].split('?').next().unwrap_or_default();
    (&url[..end], host, if path.is_empty() { "/" } else { path })
}
