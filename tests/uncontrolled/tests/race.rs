//! What a team would write, and find green.

use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use uncontrolled::race::{Orders, place, ship};

#[tokio::test]
async fn every_order_is_shipped() {
    let orders = Orders::default();
    let (placing, placed) = mpsc::channel(10);
    let (shipping, mut shipped) = mpsc::channel(10);
    tokio::spawn(ship(orders.clone(), placed, shipping));
    for order in 1..=3 {
        place(&orders, &placing, order).await;
        let arrived = timeout(Duration::from_secs(1), shipped.recv()).await;
        assert_eq!(arrived, Ok(Some(order)));
    }
}

/// Two hours: `run` leaves it out with the real tokio.
#[tokio::test]
async fn a_long_wait_is_over() {
    let begin = Instant::now();
    sleep(Duration::from_secs(2 * 3600)).await;
    assert!(begin.elapsed() >= Duration::from_secs(2 * 3600));
}
