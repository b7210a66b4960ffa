//! The README shows a test, the report it prints, and the report of the main job: all real.
//!
//! `UPDATE_README=1 cargo test --test readme` writes them into the README.

use std::process::Command;
use std::{env, fs};

/// The test that the README shows.
mod shown {
    // [test]
    use sim::Sim;
    use sim::db::engine::IsolationLevel::ReadCommitted;
    use sim::db::{error::Result, simulated::Simulated, typed::Database, typed::Table};
    use std::{cell::Cell, rc::Rc, time::Duration};

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
    #[should_panic(expected = "it was sold twice; see the report above")] // README: not shown
    async fn the_last_item_is_sold_once(sim: Sim) -> Result<()> {
        let shop = Database::new(Simulated::environment());
        let items = shop.table("items", &["id"]);
        let stocking = shop.begin(ReadCommitted).await?;
        stocking.insert(&items, Item { id: 7, stock: 1 }).await?;
        stocking.commit().await?;
        let sold = Rc::new(Cell::new(0));
        let count = sold.clone();
        sim.always(
            "item 7 is sold once",
            move || if count.get() > 1 { Err("it was sold twice") } else { Ok(()) },
        );
        let anna = sim.node("anna").run(buy(shop.clone(), items.clone(), sold.clone()));
        sim.sleep(Duration::from_micros(5_000 - sim.lane("bert's haste").below(5_000))).await;
        sim.node("bert").run(buy(shop, items, sold)).await?;
        anna.await
    }
    // [end]
}

/// Lines of a report between its first line and the empty one after it, with paths as on any machine.
fn report_in(text: &str) -> String {
    let lines = text.lines().skip_while(|line| !line.starts_with("FAIL")).take_while(|line| !line.is_empty());
    let clean = lines.map(|line| match line.find("/target/sim/failures") {
        // From the `=` or the space before an absolute path to the folder of the workspace.
        Some(at) => {
            let start = line[..at].rfind(['=', ' ']).map_or(0, |start| start + 1);
            format!("{}{}", &line[..start], &line[at + 1..])
        }
        None => line.to_owned(),
    });
    clean.collect::<Vec<_>>().join("\n")
}

/// A line of a race without the place at its end.
fn without_place(line: &str) -> &str {
    match line.rsplit_once("  tests/readme.rs:") {
        Some((rest, _)) => rest.trim_end(),
        None => line,
    }
}

fn shown_test() -> String {
    let own = include_str!("readme.rs");
    let (_, rest) = own.split_once("    // [test]\n").expect("the mark above");
    let (code, _) = rest.split_once("    // [end]\n").expect("the mark above");
    let lines = code.lines().filter(|line| !line.contains("README: not shown"));
    lines.map(|line| line.strip_prefix("    ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The report of the shown test, from a process of its own with an empty folder for failures.
fn shown_report() -> String {
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/readme/target/sim/failures");
    drop(fs::remove_dir_all(folder));
    let output = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--exact", "shown::the_last_item_is_sold_once", "--nocapture"])
        .env("SIM_FAILURES", folder)
        .env("SIM_JOBS", "1")
        .output()
        .expect("it starts");
    report_in(&String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_readme_shows_what_is_printed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(path).expect("the README is beside the manifest");
    let mut wanted = readme.clone();
    for (name, language, text) in [("test", "rust", shown_test()), ("report", "text", shown_report())] {
        let (before, rest) =
            wanted.split_once(&format!("<!-- {name} -->\n")).expect("the README has this mark");
        let (_, after) = rest.split_once(&format!("<!-- end of {name} -->")).expect("and its end");
        wanted =
            format!("{before}<!-- {name} -->\n```{language}\n{text}\n```\n<!-- end of {name} -->{after}");
    }
    if env::var_os("UPDATE_README").is_some() {
        fs::write(path, &wanted).expect("the README can be written");
    } else {
        // Built without line numbers, reports have none: then all but those must agree.
        let has_lines = std::backtrace::Backtrace::force_capture().to_string().contains("readme.rs:");
        let shown = |text: &str| {
            if has_lines {
                return text.to_owned();
            }
            text.lines().map(without_place).collect::<Vec<_>>().join("\n")
        };
        assert!(
            shown(&wanted) == shown(&readme),
            "the README is out of date; UPDATE_README=1 cargo test --test readme; it should be:\n{wanted}"
        );
    }
}
