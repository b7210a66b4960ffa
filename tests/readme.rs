//! The README shows a test and the report it prints: both are the ones of this file.
//!
//! `UPDATE_README=1 cargo test --test readme` writes them anew.

// [test]
use sim::Sim;
use sim::db::engine::IsolationLevel::ReadCommitted;
use sim::db::{error::Result, simulated::Simulated, typed::Database, typed::Table};
use std::{cell::Cell, rc::Rc};

sim::db::record! { struct Item { id: u32, stock: i64 } }

async fn buy(shop: Database, items: Table<Item>, sold: Rc<Cell<u32>>) -> Result<()> {
    let purchase = shop.begin(ReadCommitted).await?;
    let item = purchase.get(&items, 7_u32).await?.expect("the item was stored");
    if item.stock > 0 {
        purchase.update(&items, 7_u32, |row| row.stock = item.stock - 1).await?;
        purchase.commit().await?;
        sold.set(sold.get() + 1);
    }
    Ok(())
}

#[sim::test(seeds = 1_000)]
async fn the_last_item_is_sold_once(sim: Sim) -> Result<()> {
    let shop = Database::new(Simulated::environment());
    let items = shop.table("items", &["id"]);
    let stocking = shop.begin(ReadCommitted).await?;
    stocking.insert(&items, Item { id: 7, stock: 1 }).await?;
    stocking.commit().await?;
    let sold = Rc::new(Cell::new(0));
    let count = sold.clone();
    sim.always("item 7 is sold once", move || if count.get() > 1 { Err("sold twice") } else { Ok(()) });
    let [anna, bert] =
        ["anna", "bert"].map(|name| sim.node(name).run(buy(shop.clone(), items.clone(), sold.clone())));
    sim.sleep(std::time::Duration::from_micros(sim.lane("pause").below(3_000))).await;
    anna.await?;
    bert.await
}
// [end]
