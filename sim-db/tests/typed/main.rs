//! The typed API: a shop that charges an order twice, and what keeps it from that.

#[path = "../engine/world.rs"]
mod world;

use std::{cell::RefCell, rc::Rc, time::Duration};

use sim_db::{
    engine::{
        IsolationLevel::{self, ReadCommitted, RepeatableRead, Serializable},
        RowLockMode, WaitPolicy,
    },
    error::{DatabaseError, Result},
    record,
    typed::{Database, Table, TableBuilder},
};
use world::{Answer, Shared, World};

record! {
    /// An order of the shop.
    #[derive(Clone, Debug, PartialEq)]
    struct Order {
        id: i64,
        paid: bool,
    }
}

record! {
    /// A charge for an order.
    #[derive(Clone, Debug, PartialEq)]
    struct Charge {
        id: i64,
        order: i64,
        note: Option<String>,
    }
}

struct Shop {
    world: World,
    database: Database,
    orders: Table<Order>,
    charges: Table<Charge>,
}

impl Shop {
    fn new(unique: bool) -> Shop {
        let mut world = World::default();
        let database = Database::new(Rc::new(Shared(Rc::clone(&world.environment))));
        let orders = database.table::<Order>("orders", &["id"]);
        let charges = TableBuilder::<Charge>::new("charges", &["id"]);
        let charges = if unique {
            charges.unique("charges_order_key", &["order"])
        } else {
            charges.index("charges_order_idx", &["order"])
        };
        let charges = charges.create(&database);
        let (store, table) = (database.clone(), orders.clone());
        let filled = world.spawn(async move {
            let tx = store.begin(ReadCommitted).await?;
            tx.insert(&table, Order { id: 1, paid: false }).await?;
            tx.commit().await
        });
        world.settle();
        filled.take().expect("nobody is in the way").expect("the order goes in");
        world.environment.switches.set(true);
        Shop { world, database, orders, charges }
    }

    /// Two requests to pay the order at once; how they ended, and how many charges there are.
    fn race(
        &mut self,
        pay: impl AsyncFn(&Database, &Table<Order>, &Table<Charge>, i64) -> Result<bool> + Clone + 'static,
    ) -> (Vec<Result<bool>>, usize) {
        let answers: Vec<Answer<Result<bool>>> = (1..=2)
            .map(|id| {
                let (db, orders, charges) =
                    (self.database.clone(), self.orders.clone(), self.charges.clone());
                let pay = pay.clone();
                self.world.spawn(async move { pay(&db, &orders, &charges, id).await })
            })
            .collect();
        // One step of each in turn: the schedule that hurts.
        loop {
            let ready = self.world.ready();
            if ready.is_empty() {
                break;
            }
            ready.into_iter().for_each(|at| self.world.poll(at));
        }
        self.world.advance(Duration::from_secs(5));
        let ends = answers.iter().map(|a| a.take().expect("both requests come to an end")).collect();
        let (db, charges) = (self.database.clone(), self.charges.clone());
        let count = self.world.spawn(async move { db.begin(ReadCommitted).await?.scan(&charges).await });
        self.world.settle();
        (ends, count.take().expect("a read does not wait").expect("a read does not fail").len())
    }
}

async fn check_then_charge(
    isolation: IsolationLevel,
    db: &Database,
    orders: &Table<Order>,
    charges: &Table<Charge>,
    id: i64,
) -> Result<bool> {
    let tx = db.begin(isolation).await?;
    let order = tx.get(orders, 1_i64).await?.expect("the shop has the order");
    if order.paid || tx.find_by(charges, key_name(charges), 1_i64).await?.first().is_some() {
        return Ok(false);
    }
    tx.insert(charges, Charge { id, order: 1, note: None }).await?;
    tx.commit().await?;
    Ok(true)
}

fn key_name(charges: &Table<Charge>) -> &'static str {
    if charges.has_key("charges_order_key") { "charges_order_key" } else { "charges_order_idx" }
}

fn codes(ends: &[Result<bool>]) -> Vec<String> {
    let code = |end: &Result<bool>| match end {
        Ok(done) => done.to_string(),
        Err(error) => error.sqlstate.to_string(),
    };
    ends.iter().map(code).collect()
}

#[track_caller]
fn check(
    unique: bool,
    ends: &[&str],
    charges: usize,
    pay: impl AsyncFn(&Database, &Table<Order>, &Table<Charge>, i64) -> Result<bool> + Clone + 'static,
) {
    let (found, count) = Shop::new(unique).race(pay);
    assert_eq!((codes(&found), count), (ends.iter().map(ToString::to_string).collect(), charges));
}

#[test]
fn check_then_insert_charges_twice() {
    check(false, &["true", "true"], 2, async |db, orders, charges, id| {
        check_then_charge(ReadCommitted, db, orders, charges, id).await
    });
    check(false, &["true", "true"], 2, async |db, orders, charges, id| {
        check_then_charge(RepeatableRead, db, orders, charges, id).await
    });
}

#[test]
fn serializable_lets_one_of_them_fail() {
    check(false, &["true", "40001"], 1, async |db, orders, charges, id| {
        check_then_charge(Serializable, db, orders, charges, id).await
    });
}

#[test]
fn a_unique_key_lets_one_of_them_fail() {
    check(true, &["true", "23505"], 1, async |db, orders, charges, id| {
        check_then_charge(ReadCommitted, db, orders, charges, id).await
    });
}

#[test]
fn the_unique_keys_name_and_values_are_in_the_error() {
    let mut shop = Shop::new(true);
    let (db, charges) = (shop.database.clone(), shop.charges.clone());
    let error: Answer<DatabaseError> = shop.world.spawn(async move {
        let tx = db.begin(ReadCommitted).await.expect("the store is up");
        for id in 1..=2 {
            if let Err(error) = tx.insert(&charges, Charge { id, order: 7, note: None }).await {
                return error;
            }
        }
        panic!("a duplicate went in");
    });
    shop.world.settle();
    let error = error.take().expect("nobody is in the way");
    assert_eq!(error.constraint.as_deref(), Some("charges_order_key"));
    assert_eq!(error.detail.as_deref(), Some("Key (order)=(7) already exists."));
}

#[test]
fn a_lock_on_the_order_serves_them_one_by_one() {
    check(false, &["true", "false"], 1, async |db, orders, charges, id| {
        let tx = db.begin(ReadCommitted).await?;
        let order = tx.select_for_update(orders, 1_i64).await?.expect("the shop has the order");
        if order.paid {
            return Ok(false);
        }
        tx.insert(charges, Charge { id, order: 1, note: Some("paid".into()) }).await?;
        tx.update(orders, 1_i64, |order| order.paid = true).await?;
        tx.commit().await?;
        Ok(true)
    });
}

#[test]
fn locks_taken_in_opposite_orders_deadlock() {
    check(false, &["40P01", "true"], 0, async |db, orders, charges, id| {
        let setup = db.begin(ReadCommitted).await?;
        setup.update(orders, 1_i64, |_| ()).await?;
        setup.commit().await?;
        let tx = db.begin(ReadCommitted).await?;
        let keys = if id == 1 { [1, 2] } else { [2, 1] };
        if tx.get(orders, 2_i64).await?.is_none() && id == 1 {
            let other = db.begin(ReadCommitted).await?;
            other.insert(orders, Order { id: 2, paid: false }).await?;
            other.commit().await?;
        }
        while tx.get(orders, 2_i64).await?.is_none() {}
        for key in keys {
            tx.update(orders, key, |order| order.paid = true).await?;
            // Both have their first row before either asks for its second.
            for _ in 0..8 {
                tx.get(orders, key).await?;
            }
        }
        let _ = charges;
        tx.commit().await?;
        Ok(true)
    });
}

#[test]
fn a_deadlock_tells_who_waited_for_whom() {
    let mut shop = Shop::new(false);
    let (found, _) = shop.race(async |db, orders, _, id| {
        let tx = db.begin(ReadCommitted).await?;
        tx.select_locked(orders, 1_i64, RowLockMode::Share, WaitPolicy::Wait).await?;
        for _ in 0..id + 4 {
            tx.get(orders, 1_i64).await?;
        }
        tx.update(orders, 1_i64, |order| order.paid = true).await?;
        tx.commit().await?;
        Ok(true)
    });
    let error = found.into_iter().find_map(Result::err).expect("two share locks cannot both become stronger");
    let detail = error.detail.as_deref().expect("a deadlock has a detail");
    let lines: Vec<&str> = detail.lines().collect();
    assert_eq!((error.sqlstate.as_str(), lines.len()), ("40P01", 2));
    for line in lines {
        assert!(
            line.starts_with("Process 10") && line.contains(" waits for ShareLock on transaction 7"),
            "{line}"
        );
        assert!(line.contains("; blocked by process 10") && line.ends_with('.'), "{line}");
    }
}

#[test]
fn a_dropped_transaction_is_rolled_back() {
    let mut shop = Shop::new(false);
    let (db, orders) = (shop.database.clone(), shop.orders.clone());
    let seen: Answer<Result<Vec<Order>>> = shop.world.spawn(async move {
        let tx = db.begin(ReadCommitted).await?;
        tx.insert(&orders, Order { id: 2, paid: true }).await?;
        drop(tx);
        db.begin(ReadCommitted).await?.scan(&orders).await
    });
    shop.world.settle();
    let seen = seen.take().expect("nobody is in the way");
    assert_eq!(seen, Ok(vec![Order { id: 1, paid: false }]));
}

#[test]
fn a_fork_starts_as_its_template_and_goes_its_own_way() {
    let mut shop = Shop::new(false);
    let template = shop.database.template();
    let seen = Rc::new(RefCell::new(Vec::new()));
    for id in [2, 3] {
        let fork = Database::fork(&template, Rc::new(Shared(Rc::clone(&shop.world.environment))));
        let (orders, seen) = (shop.orders.clone(), Rc::clone(&seen));
        shop.world.spawn(async move {
            let tx = fork.begin(ReadCommitted).await.expect("the fork is up");
            tx.insert(&orders, Order { id, paid: false }).await.expect("each fork has room for its order");
            let ids: Vec<i64> =
                tx.scan(&orders).await.expect("a read").iter().map(|order| order.id).collect();
            seen.borrow_mut().push(ids);
        });
        shop.world.settle();
    }
    assert_eq!(*seen.borrow(), [[1, 2], [1, 3]]);
}
