//! tower's middleware, over a service that counts.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tower::limit::{ConcurrencyLimitLayer, RateLimitLayer};
use tower::retry::backoff::{Backoff, ExponentialBackoffMaker, MakeBackoff};
use tower::retry::{Policy, RetryLayer};
use tower::timeout::TimeoutLayer;
use tower::util::rng::HasherRng;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

/// Tries a fixed number of times, later each time.
#[derive(Clone)]
struct Patient {
    left: usize,
    backoff: tower::retry::backoff::ExponentialBackoff<HasherRng>,
}

impl Policy<u32, u32, io::Error> for Patient {
    type Future = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

    fn retry(&mut self, _: &mut u32, result: &mut Result<u32, io::Error>) -> Option<Self::Future> {
        if result.is_ok() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(Box::pin(self.backoff.next_backoff()))
    }

    fn clone_request(&mut self, request: &u32) -> Option<u32> {
        Some(*request)
    }
}

#[tokio::test]
async fn a_retry_waits_and_tries_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let flaky = service_fn(move |request: u32| {
        let call = counted.fetch_add(1, Ordering::Relaxed);
        async move { if call < 3 { Err(io::Error::other("not yet")) } else { Ok(request + 1) } }
    });
    let (shortest, longest) = (Duration::from_millis(2), Duration::from_millis(40));
    let mut maker =
        ExponentialBackoffMaker::new(shortest, longest, 0.5, HasherRng::default()).expect("valid");
    let policy = Patient { left: 5, backoff: maker.make_backoff() };
    let mut service = ServiceBuilder::new().layer(RetryLayer::new(policy)).service(flaky);
    let before = Instant::now();
    assert_eq!(service.ready().await.expect("ready").call(7).await.expect("the fourth time"), 8);
    assert_eq!(calls.load(Ordering::Relaxed), 4);
    assert!(before.elapsed() >= shortest * 3 / 2);
}

#[tokio::test]
async fn a_timeout_ends_a_slow_call() {
    let slow = service_fn(|ms: u64| async move {
        sleep(Duration::from_millis(ms)).await;
        Ok::<_, Infallible>(ms)
    });
    let mut service =
        ServiceBuilder::new().layer(TimeoutLayer::new(Duration::from_millis(100))).service(slow);
    assert_eq!(service.ready().await.expect("ready").call(1).await.expect("in time"), 1);
    let late = service.ready().await.expect("ready").call(3_600_000).await.expect_err("late");
    assert!(late.is::<tower::timeout::error::Elapsed>(), "{late}");
}

#[tokio::test]
async fn no_more_calls_at_once_than_the_limit() {
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (within, seen) = (inside.clone(), most.clone());
    let service = service_fn(move |_: ()| {
        let (inside, most) = (within.clone(), seen.clone());
        async move {
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_millis(2)).await;
            inside.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, Infallible>(())
        }
    });
    let service = ServiceBuilder::new().layer(ConcurrencyLimitLayer::new(3)).service(service);
    let calls = (0..20).map(|_| tokio::spawn(service.clone().oneshot(())));
    for call in futures::future::join_all(calls).await {
        call.expect("it returns").expect("infallible");
    }
    assert_eq!((inside.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (0, 3));
}

#[tokio::test]
async fn a_rate_limit_spreads_calls() {
    let window = Duration::from_millis(50);
    let service = service_fn(|_: ()| async { Ok::<_, Infallible>(Instant::now()) });
    let mut service = ServiceBuilder::new().layer(RateLimitLayer::new(2, window)).service(service);
    let start = Instant::now();
    let mut times = Vec::new();
    for _ in 0..6 {
        times.push(service.ready().await.expect("ready").call(()).await.expect("infallible") - start);
    }
    assert!(times[5] >= window * 2, "{times:?}");
}

#[tokio::test]
async fn a_buffer_is_shared_and_tells_of_its_end() {
    let service = service_fn(|request: u32| async move {
        sleep(Duration::from_millis(1)).await;
        if request == 13 { Err(io::Error::other("unlucky")) } else { Ok(request * 2) }
    });
    let service = ServiceBuilder::new().buffer(4).service(service);
    let calls = (0..20).map(|request| {
        let service = service.clone();
        tokio::spawn(async move { (request, service.oneshot(request).await) })
    });
    for call in futures::future::join_all(calls).await {
        match call.expect("it returns") {
            (13, answer) => assert_eq!(answer.expect_err("unlucky").to_string(), "unlucky"),
            (request, answer) => assert_eq!(answer.expect("doubled"), request * 2),
        }
    }
}

#[tokio::test]
async fn a_loaded_service_sheds() {
    let service = service_fn(|_: ()| async {
        sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>(())
    });
    let service = ServiceBuilder::new().load_shed().concurrency_limit(1).service(service);
    let (first, second) = (service.clone(), service);
    let busy = tokio::spawn(first.oneshot(()));
    sleep(Duration::from_millis(5)).await;
    let shed = second.clone().oneshot(()).await.expect_err("busy");
    assert!(shed.is::<tower::load_shed::error::Overloaded>(), "{shed}");
    busy.await.expect("it returns").expect("done");
    second.oneshot(()).await.expect("free again");
}
