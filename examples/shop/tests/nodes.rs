//! The shop on machines of its own: api, inventory and payment provider, each booted by its own entry function with its own
//! environment, a database, and customers who try again when they get no answer. Requests, statements and their answers get lost,
//! requests arrive twice, connections break, and now and then the machine of the api or of the database crashes.

use provider::Ledger;
use serde_json::{Value, json};
use sim::db::postgres::{Postgres, Rows};
use sim::fault::Plan;
use sim::{Databases, Node, Sim};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// The machines, and what can be seen of them from outside.
struct World {
    sim: Sim,
    api: Node,
    /// The shop's database.
    shop: Postgres,
    /// The inventory's.
    inventory: Postgres,
    /// What the provider has done.
    ledger: Ledger,
}

impl World {
    fn boot(sim: Sim) -> Self {
        let db = sim.postgres("db");

        let provider = sim.node("provider");
        provider.set_variable("PROVIDER_LISTEN", "0.0.0.0:80");
        provider.set_variable("PROVIDER_KEY", "sk_live_7");
        let ledger = Ledger::default();
        let books = ledger.clone();
        provider.boot(move || provider::run(books.clone()));

        let inventory = sim.node("inventory");
        inventory.set_variable("INVENTORY_LISTEN", "0.0.0.0:7001");
        inventory.set_variable("INVENTORY_DATABASE_URL", "postgres://app@db/inventory");
        inventory.boot(inventory::start);

        let api = sim.node("api");
        api.set_variable("SHOP_LISTEN", "0.0.0.0:80");
        api.set_variable("SHOP_DATABASE_URL", "postgres://app@db/shop");
        api.set_variable("SHOP_INVENTORY_URL", "http://inventory:7001");
        api.set_variable("SHOP_PROVIDER_URL", "http://provider");
        api.set_variable("SHOP_PROVIDER_KEY", "sk_live_7");
        api.set_variable("SHOP_RESERVATION_SECONDS", "60");
        api.boot(shop::start);

        Self { sim, api, shop: db.database("shop"), inventory: db.database("inventory"), ledger }
    }

    /// Puts so much tea on the shelf, and makes customers of these.
    async fn open(&self, tea: i64, names: &'static [&'static str]) -> Vec<Client> {
        let staff = self.sim.node("staff");
        let customers = staff.run(async move {
            let staff = Client::new("staff", 0);
            staff.insist("PUT", "/products/tea", json!({"price": PRICE})).await;
            staff.insist("POST", "/products/tea/stock", json!({"quantity": tea})).await;
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
    async fn audit(&self, received: i64) {
        self.sim.faults(&Plan::new());
        sim::net::net().heal_all();
        let unfinished = "select id, status, reserved_until from orders where not settled order by id";
        for _ in 0..40 {
            self.sim.sleep(Duration::from_secs(5)).await;
            if rows(&self.shop, unfinished).rows.is_empty() {
                break;
            }
        }
        let left = rows(&self.shop, unfinished);
        assert!(left.rows.is_empty(), "nothing breaks any more, and these are not finished: {left}");

        let orders = rows(&self.shop, "select id, status, total, capture from orders order by id");
        let mut captured: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for capture in self.ledger.captured() {
            captured.entry(capture.order.to_string()).or_default().push(capture);
        }
        for row in &orders.rows {
            let [Some(id), Some(status), Some(total), capture] = &row[..] else { panic!("{orders}") };
            let captures = captured.remove(id).unwrap_or_default();
            let moved: Vec<_> =
                captures.iter().map(|capture| (capture.amount.to_string(), Some(&capture.id))).collect();
            let wanted = if status == "paid" { vec![(total.clone(), capture.as_ref())] } else { Vec::new() };
            assert_eq!(moved, wanted, "the captures of order {id}, which is {status}");
        }
        assert!(captured.is_empty(), "money moved for orders that do not exist: {captured:?}");

        let sold =
            "select coalesce(sum(quantity), 0) from orders join lines on order_id = id where status = 'paid'";
        let sold: i64 = rows(&self.shop, sold).value().expect("a sum is no null");
        assert_eq!(self.level(), (received - sold, 0), "on the shelf, and reserved");
    }

    /// How much tea is on the shelf, and how much of it is reserved.
    fn level(&self) -> (i64, i64) {
        let level = rows(&self.inventory, "select on_hand, reserved from stock where product = 'tea'");
        (level.column("on_hand")[0], level.column("reserved")[0])
    }
}

/// What is committed there.
fn rows(database: &Postgres, query: &str) -> Rows {
    database.query(query).expect("the tables are there")
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
    world.audit(2).await;
}

#[sim::test(tokio)]
async fn a_reservation_that_is_not_paid_ends(sim: Sim) {
    let world = World::boot(sim);
    let anna = world.open(1, &["anna"]).await.remove(0);
    let bought = sim.node("anna").run(anna.buy(1, "4000-0002")).await;
    assert_eq!(bought, Bought::Ordered);
    assert_eq!(world.level(), (1, 1));
    sim.sleep(Duration::from_secs(70)).await;
    assert_eq!(world.level(), (1, 0));
    world.audit(1).await;
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
    let api = sim.node("api");
    api.set_variable("SHOP_DATABASE_URL", "postgres://app@db/shop");
    let started = api.run(shop::start()).await;
    let error = started.expect_err("it has no key").to_string();
    assert_eq!(error, "SHOP_PROVIDER_KEY is not set");
}
