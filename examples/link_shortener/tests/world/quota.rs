use crate::stack::Stack;
use serde_json::json;
use sim::Sim;
use sim::world::Browser;
use std::cell::Cell;
use std::rc::Rc;

/// Anna has links from two tabs at once; she must not have more than three.
async fn two_tabs(sim: Sim, quota_check: &str) {
    let stack = Stack::prepare(sim);
    let checker = checker(sim);
    let variables = [("QUOTA_CHECK", quota_check), ("CHECKER_URL", checker)];
    stack.boot_node(sim, "links-1", &variables).await;

    let made = Rc::new(Cell::new(0));
    let count = made.clone();
    sim.always("anna has at most 3 links", move || match count.get() {
        0..=3 => Ok(()),
        links => Err(format!("anna has {links} links")),
    });

    let laptop = Browser::new(&sim, "laptop");
    let token = stack.identity.issue("anna", "laptop").access_token;
    let tabs = [0, 1].map(|_| {
        let (tab, made) = (laptop.tab("http://links-1:3000"), made.clone());
        tab.set_header("authorization", &format!("Bearer {token}"));
        sim.spawn(async move {
            for _ in 0..2 {
                let link = json!({ "url": "http://example.org" });
                let answer = tab.post("/links", &link).await.expect("the service answers");
                if answer.status == 201 {
                    made.set(made.get() + 1);
                }
            }
        })
    });
    for tab in tabs {
        tab.await.expect("a tab does not panic");
    }
}

/// A third party of our own: says that every URL is harmless.
fn checker(sim: Sim) -> &'static str {
    use sim::world::http::{Response, serve};
    sim.node("checker").boot(|| serve(80, |_| async { Response::empty(200) }));
    "http://checker"
}

#[sim::test(seeds = 300)]
#[should_panic(expected = "anna has 4 links")]
async fn a_quota_looked_at_first_is_exceeded(sim: Sim) {
    two_tabs(sim, "first").await;
}

#[sim::test(seeds = 300)]
async fn a_quota_looked_at_with_storing_holds(sim: Sim) {
    two_tabs(sim, "with_storing").await;
}
