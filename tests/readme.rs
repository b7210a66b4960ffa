//! The README shows a test and the report it prints: both are the ones of this file.
//!
//! `UPDATE_README=1 cargo test --test readme` writes them anew.

// [test]
use sim::Sim;
use sim::db::engine::IsolationLevel::ReadCommitted;
use sim::db::{error::DatabaseError, simulated::Simulated, typed::Database};

sim::db::record! { struct Item { id: u32, stock: i64, orders: i64 } }

async fn buy(sim: Sim, shop: Database, items: sim::db::typed::Table<Item>) -> Result<(), DatabaseError> {
    let look = shop.begin(ReadCommitted).await?;
    let item = look.get(&items, 7_u32).await?.expect("it is on the shelf");
    look.commit().await?;
    if item.stock == 0 {
        return Ok(());
    }
    let sell = shop.begin(ReadCommitted).await?;
    let left = item.stock - 1;
    let sold = sell.update(&items, 7_u32, |item| (item.stock, item.orders) = (left, item.orders + 1)).await?;
    sell.commit().await?;
    let orders = sold.map_or(0, |item| item.orders);
    sim.note(format!("item 7: {orders} sold, {left} left"));
    sim.always("nothing is sold twice", move || if orders > 1 { Err(format!("item 7 was sold {orders} times")) } else { Ok(()) });
    Ok(())
}

#[sim::test(seeds = 1_000)]
async fn the_last_item_is_sold_once(sim: Sim) -> Result<(), DatabaseError> {
    let shop = Database::new(Simulated::environment());
    let items = shop.table::<Item>("items", &["id"]);
    let stocking = shop.begin(ReadCommitted).await?;
    stocking.insert(&items, Item { id: 7, stock: 1, orders: 0 }).await?;
    stocking.commit().await?;
    let buyers = ["anna", "bert"].map(|name| sim.node(name).spawn(buy(sim, shop.clone(), items.clone())));
    for buyer in buyers {
        buyer.await.expect("no buyer panics")?;
    }
    Ok(())
}
// [end]
