//! The shop on machines of its own: api, inventory and payment provider, each booted by its own entry function with its own
//! environment, and customers who try again when they get no answer. Requests and answers get lost, requests
//! arrive twice, connections break, and now and then the api's machine crashes.

use inventory::stock::{Level, Stock};
use provider::Ledger;
use serde_json::{Value, json};
use shop::store::Store;
use sim::fault::Plan;
use sim::node::Node;
use sim::{Ratio, Sim};
use std::time::Duration;
use tokio::time::sleep;

/// The machines, and what of them outlives a crash.
struct World {
    sim: Sim,
    api: Node,
    stock: Stock,
    ledger: Ledger,
}

impl World {
    fn boot(sim: Sim) -> Self {
        let (store, stock, ledger) = (Store::default(), Stock::default(), Ledger::default());

        let provider = sim.node("provider");
        provider.set_variable("PROVIDER_LISTEN", "0.0.0.0:80");
        provider.set_variable("PROVIDER_KEY", "sk_live_7");
        let books = ledger.clone();
        provider.boot(move || provider::run(books.clone()));

        let inventory = sim.node("inventory");
        inventory.set_variable("INVENTORY_LISTEN", "0.0.0.0:7001");
        let shelf = stock.clone();
        inventory.boot(move || inventory::run(shelf.clone()));

        let api = sim.node("api");
        api.set_variable("SHOP_LISTEN", "0.0.0.0:80");
        api.set_variable("SHOP_INVENTORY_URL", "http://inventory:7001");
        api.set_variable("SHOP_PROVIDER_URL", "http://provider");
        api.set_variable("SHOP_PROVIDER_KEY", "sk_live_7");
        api.set_variable("SHOP_RESERVATION_SECONDS", "60");
        api.boot(move || shop::server::run(store.clone()));

        Self { sim, api, stock, ledger }
    }

    /// Puts so much tea on the shelf, and makes customers of these.
    async fn open(&self, tea: u32, names: &'static [&'static str]) -> Vec<Client> {
        self.stock.receive("tea", tea);
        let staff = self.sim.node("staff");
        let customers = staff.run(async move {
            let staff = Client::new("staff", 0);
            staff.insist("PUT", "/products/tea", json!({"price": PRICE})).await;
            let mut customers = Vec::new();
            for name in names {
                let customer = json!({"name": name, "email": format!("{name}@example.com")});
                let (_, customer) = staff.insist("POST", "/customers", customer).await;
                customers.push(customer["id"].as_i64().expect("a customer has a number"));
            }
            customers
        });
        names.iter().zip(customers.await).map(|(name, id)| Client::new(name, id)).collect()
    }

    /// Nothing breaks any more: waits until the shop has finished with every order, and looks whether orders,
    /// stock and money agree.
    async fn audit(&self, received: u32, last_order: i64) {
        self.sim.faults(&Plan::new());
        let staff = self.sim.node("staff");
        let (mut paid, mut captures) = (0, 0);
        for id in 1..=last_order {
            let order = staff.run(async move { Client::new("staff", 0).finished(id).await }).await;
            let captured = self.ledger.of(id);
            let amounts: Vec<_> = captured.iter().map(|capture| capture.amount).collect();
            match order["status"].as_str() {
                Some("paid") => {
                    assert_eq!(amounts, [order["total"].as_i64().unwrap_or(-1)], "order {id} is paid");
                    assert_eq!(order["capture"], captured[0].id.as_str(), "order {id}");
                    paid += order["lines"][0]["quantity"].as_u64().expect("a line has a quantity") as u32;
                }
                _ => assert!(amounts.is_empty(), "order {id} is cancelled, and charged {amounts:?}"),
            }
            captures += captured.len();
        }
        assert_eq!(self.ledger.captured().len(), captures, "money moved for orders that do not exist");
        // The last orders may be settled in the worker's next look.
        self.sim.sleep(Duration::from_secs(60)).await;
        assert_eq!(self.stock.level("tea"), Level { on_hand: received - paid, reserved: 0 });
    }
}

/// In cents.
const PRICE: i64 = 500;

/// Someone at a browser or a till.
#[derive(Clone)]
struct Client {
    name: &'static str,
    id: i64,
    http: reqwest::Client,
}

impl Client {
    fn new(name: &'static str, id: i64) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build();
        Self { name, id, http: http.expect("the client needs nothing") }
    }

    /// One try.
    async fn send(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value), reqwest::Error> {
        let method = method.parse().expect("the method is a constant");
        let request = self.http.request(method, format!("http://api{path}")).json(body);
        let answer = request.header("idempotency-key", format!("{}-1", self.name)).send().await?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    /// Tries until the shop has an answer that is not 503.
    async fn insist(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.send(method, path, &body).await {
                Ok((status, answer)) if status != 503 => return (status, answer),
                _ => sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// Orders and pays for so much tea; whether there was enough, and whether the money has moved for sure.
    async fn buy(self, quantity: u32, card: &str) -> Bought {
        let order = json!({"customer": self.id, "lines": [{"product": "tea", "quantity": quantity}]});
        let (status, order) = self.insist("POST", "/orders", order).await;
        if status != 201 {
            return Bought::Nothing;
        }
        let path = format!("/orders/{}/payment", order["id"]);
        match self.insist("POST", &path, json!({"card": card})).await.0 {
            200 => Bought::Paid,
            _ => Bought::Ordered,
        }
    }

    /// The order, when nothing more will happen to it.
    async fn finished(&self, id: i64) -> Value {
        loop {
            let (_, order) = self.insist("GET", &format!("/orders/{id}"), Value::Null).await;
            if order["status"] == "paid" || order["status"] == "cancelled" {
                return order;
            }
            sleep(Duration::from_secs(5)).await;
        }
    }
}

/// How far a customer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bought {
    Nothing,
    Ordered,
    Paid,
}

#[sim::test(tokio)]
async fn an_order_is_paid_across_machines(sim: Sim) {
    let world = World::boot(sim);
    let anna = world.open(2, &["anna"]).await.remove(0);
    let bought = sim.node("anna").run(anna.buy(2, "4242")).await;
    assert_eq!(bought, Bought::Paid);
    assert_eq!(world.ledger.captured().len(), 1);
    world.audit(2, 1).await;
}

#[sim::test(tokio)]
async fn orders_stock_and_money_agree_whatever_breaks(sim: Sim) {
    let world = World::boot(sim);
    let customers = world.open(3, &["anna", "bert", "cleo"]).await;
    let ledger = world.ledger.clone();
    sim.always("an order is charged at most once", move || {
        let mut orders: Vec<_> = ledger.captured().iter().map(|capture| capture.order).collect();
        orders.sort_unstable();
        match orders.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("order {} is charged twice", pair[0])),
            None => Ok(()),
        }
    });
    sim.faults(
        &Plan::new()
            .allow("http.request_lost", Ratio::new(1, 20))
            .allow("http.response_lost", Ratio::new(1, 20))
            .allow("http.delivered_twice", Ratio::new(1, 20))
            .allow("http.disconnected", Ratio::new(1, 20))
            .allow("http.slow", Ratio::new(1, 20))
            .allow("net.reset", Ratio::new(1, 200))
            .allow("net.cut", Ratio::new(1, 200)),
    );

    // Three want the three packets of tea: one takes two, so one gets nothing unless another's card is declined.
    let wishes = [(1, "4242"), (2, "4242"), (1, "4000-0002")];
    let buying: Vec<_> = customers
        .into_iter()
        .zip(wishes)
        .map(|(customer, (quantity, card))| sim.node(customer.name).spawn(customer.buy(quantity, card)))
        .collect();
    let crash = sim.lane("the api crashes");
    if crash.chance(Ratio::new(1, 4)) {
        sim.sleep(Duration::from_micros(crash.below(100_000))).await;
        world.api.crash();
        sim.sleep(Duration::from_secs(3)).await;
        world.api.restart();
    }
    let mut paid = 0;
    for customer in buying {
        paid += u32::from(customer.await.expect("a customer does not panic") == Bought::Paid);
    }
    sim.sometimes("two orders are paid at once", paid == 2);
    sim.sometimes("somebody has to wait for the payment", paid < 2);
    world.audit(3, 3).await;
}

#[sim::test(tokio)]
async fn a_reservation_that_is_not_paid_ends(sim: Sim) {
    let world = World::boot(sim);
    let anna = world.open(1, &["anna"]).await.remove(0);
    let bought = sim.node("anna").run(anna.buy(1, "4000-0002")).await;
    assert_eq!(bought, Bought::Ordered);
    assert_eq!(world.stock.level("tea"), Level { on_hand: 1, reserved: 1 });
    sim.sleep(Duration::from_secs(70)).await;
    assert_eq!(world.stock.level("tea"), Level { on_hand: 1, reserved: 0 });
    world.audit(1, 1).await;
}

#[sim::test(tokio)]
async fn ctrl_c_lets_requests_finish(sim: Sim) {
    let world = World::boot(sim);
    let anna = world.open(1, &["anna"]).await.remove(0);
    let node = sim.node("anna");
    let order = json!({"customer": anna.id, "lines": [{"product": "tea", "quantity": 1}]});
    let client = anna.clone();
    node.run(async move { client.insist("POST", "/orders", order).await }).await;

    let client = anna.clone();
    let paying =
        node.spawn(async move { client.send("POST", "/orders/1/payment", &json!({"card": "4242"})).await });
    sim.sleep(Duration::from_millis(10)).await;
    world.api.signal(INTERRUPT);
    let (status, order) =
        paying.await.expect("anna does not panic").expect("the shop finishes what it began");
    assert_eq!((status, &order["status"]), (200, &json!("paid")));

    sim.sleep(Duration::from_secs(1)).await;
    let refused = node.run(async move { anna.send("GET", "/orders/1", &Value::Null).await }).await;
    assert!(refused.expect_err("nobody listens any more").is_connect());
}

/// What ctrl-c sends.
const INTERRUPT: i32 = 2;

#[sim::test(tokio)]
async fn a_shop_without_a_key_does_not_start(sim: Sim) {
    let started = sim.node("api").run(shop::start()).await;
    let error = started.expect_err("it has no key").to_string();
    assert_eq!(error, "SHOP_PROVIDER_KEY is not set");
}
