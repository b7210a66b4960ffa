//! The shop as its customers see it. Nothing here knows of the simulation: `cargo test` runs it on real sockets,
//! `cargo sim test` under a hundred schedules.

mod stack;

use inventory::stock::Level;
use serde_json::{Value, json};
use stack::Stack;

#[tokio::test]
async fn an_order_is_placed_paid_and_shipped() {
    let stack = Stack::start("an_order_is_placed_paid_and_shipped").await;
    let anna = stack.open(3).await;

    let (status, order) = stack.order(anna, 2).await;
    assert_eq!((status, &order["status"], &order["total"]), (201, &json!("reserved"), &json!(1000)));
    assert_eq!(stack.level().await, Level { on_hand: 3, reserved: 2 });

    let (status, order) = stack.send("POST", "/orders/1/payment", json!({"card": "4242"})).await;
    assert_eq!((status, &order["status"], &order["capture"]), (200, &json!("paid"), &json!("cap_1")));
    assert_eq!(stack.level().await, Level { on_hand: 1, reserved: 0 });
    assert_eq!(stack.ledger.captured().len(), 1);
    stack.end().await;
}

#[tokio::test]
async fn what_is_not_in_stock_cannot_be_ordered() {
    let stack = Stack::start("what_is_not_in_stock_cannot_be_ordered").await;
    let anna = stack.open(1).await;
    let (status, refusal) = stack.order(anna, 2).await;
    assert_eq!((status, &refusal["error"]), (409, &json!("only 1 of tea are available, 2 are wanted")));
    assert_eq!(stack.get("/orders/1").await.1["status"], "cancelled");
    assert_eq!(stack.order(anna, 1).await.0, 201);
    stack.end().await;
}

#[tokio::test]
async fn the_last_item_is_sold_to_one_of_two() {
    let stack = Stack::start("the_last_item_is_sold_to_one_of_two").await;
    let anna = stack.open(1).await;
    let (first, second) = tokio::join!(stack.order(anna, 1), stack.order(anna, 1));
    let mut statuses = [first.0, second.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    stack.end().await;
}

#[tokio::test]
async fn two_clicks_move_the_money_once() {
    let stack = Stack::start("two_clicks_move_the_money_once").await;
    let anna = stack.open(1).await;
    stack.order(anna, 1).await;
    let click = || stack.send("POST", "/orders/1/payment", json!({"card": "4242"}));
    let (first, second) = tokio::join!(click(), click());
    assert!(first.0 == 200 || second.0 == 200, "{first:?} {second:?}");
    assert_eq!(stack.ledger.of(1).len(), 1);
    stack.end().await;
}

#[tokio::test]
async fn another_card_pays_when_the_first_is_declined() {
    let stack = Stack::start("another_card_pays_when_the_first_is_declined").await;
    let anna = stack.open(1).await;
    stack.order(anna, 1).await;
    let pay = async |card| stack.send("POST", "/orders/1/payment", json!({"card": card})).await;
    let (status, refusal) = pay("4000-0002").await;
    assert_eq!((status, &refusal["error"]), (409, &json!("the card of order 1 is declined")));
    assert_eq!(pay("4242").await.0, 200);
    stack.end().await;
}

#[tokio::test]
async fn a_repeated_order_is_one_order() {
    let stack = Stack::start("a_repeated_order_is_one_order").await;
    let anna = stack.open(5).await;
    let order = |quantity| {
        let body = json!({"customer": anna, "lines": [{"product": "tea", "quantity": quantity}]});
        stack.send_with("POST", "/orders", body, &[("idempotency-key", "click-1")])
    };
    let (first, second) = tokio::join!(order(2), order(2));
    assert_eq!((first.0, second.0), (201, 201));
    assert_eq!(first.1["id"], second.1["id"]);
    assert_eq!(order(3).await.0, 409);
    assert_eq!(stack.level().await.reserved, 2);
    stack.end().await;
}

#[tokio::test]
async fn a_change_leaves_alone_what_it_does_not_name() {
    let stack = Stack::start("a_change_leaves_alone_what_it_does_not_name").await;
    let anna = stack.open(0).await;
    let path = format!("/customers/{anna}");
    let change = |body: Value| stack.send("PATCH", &path, body);
    let (status, customer) = change(json!({"address": "Lane 1"})).await;
    assert_eq!((status, &customer["phone"], &customer["address"]), (200, &json!("123"), &json!("Lane 1")));
    let (_, customer) = change(json!({"phone": null})).await;
    assert_eq!((&customer["phone"], &customer["address"]), (&Value::Null, &json!("Lane 1")));
    stack.end().await;
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let stack = Stack::start("what_is_wrong_is_said").await;
    let anna = stack.open(1).await;
    let order = |lines: Value| stack.send("POST", "/orders", json!({"customer": anna, "lines": lines}));
    let check = |(status, body): (u16, Value), wanted: u16, error: &str| {
        assert_eq!((status, body["error"].as_str()), (wanted, Some(error)));
    };
    check(stack.get("/orders/9").await, 404, "there is no order 9");
    check(order(json!([])).await, 422, "an order needs a line");
    check(order(json!([{"product": "tea", "quantity": 0}])).await, 422, "nobody orders 0 of tea");
    check(order(json!([{"product": "gin", "quantity": 1}])).await, 404, "there is no product gin");
    let again = json!({"name": "Anne", "email": "anna@example.com"});
    check(stack.send("POST", "/customers", again).await, 409, "anna@example.com is a customer already");
    stack.end().await;
}
