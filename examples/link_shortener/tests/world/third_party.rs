use crate::stack::Stack;
use serde_json::json;
use sim::Sim;
use sim::world::Browser;
use sim::world::http::{Incoming, Response, serve};

#[sim::test(seeds = 50)]
async fn a_harmful_url_is_refused(sim: Sim) {
    sim.node("checker").boot(|| {
        serve(80, |request: Incoming| async move {
            let url = request.query_value("url").unwrap_or_default();
            Response::empty(if url.contains("evil") { 403 } else { 200 })
        })
    });
    let stack = Stack::prepare(sim);
    stack.boot_node(sim, "links-1", &[("CHECKER_URL", "http://checker")]).await;
    let tab = Browser::new(&sim, "laptop").tab("http://links-1:3000");
    tab.set_header(
        "authorization",
        &format!("Bearer {}", stack.identity.issue("anna", "laptop").access_token),
    );
    for (url, status) in [("http://evil.example", 422), ("http://good.example", 201)] {
        let answer = tab.post("/links", &json!({ "url": url })).await.expect("the service answers");
        assert_eq!(answer.status, status, "{url}");
    }
}
