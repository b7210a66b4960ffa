use crate::stack::Stack;
use sim::Sim;
use sim::world::Fleet;
use sim::world::config::{Stage, Variable};
use sim::world::payments::Mode;

/// Two nodes in production, the second with variables of its own.
async fn production(sim: Sim, second: impl FnOnce(&Stack) -> Vec<(&'static str, String)>) {
    let stack = Stack::prepare(sim);
    let fleet = Fleet::new(&sim);
    fleet.service("links", Stage::Live, &["links-1", "links-2"]);
    fleet.declare(Variable::secret("PAYMENT_KEY"));
    // Each node has an endpoint of its own at the payment provider.
    fleet.declare(Variable::secret("WEBHOOK_SECRET").differs());
    for name in ["LISTEN", "QUOTA", "QUOTA_CHECK", "CHECKER_URL", "TIME_LIMIT_MS"] {
        fleet.declare(Variable::optional(name));
    }
    stack.boot_node(sim, "links-1", &[]).await;
    let variables = second(&stack);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
    stack.boot_node(sim, "links-2", &variables).await;
    fleet.no_drift().expect("no configuration drift");
}

#[sim::test(seeds = 10)]
async fn nodes_of_production_are_alike(sim: Sim) {
    production(sim, |_| Vec::new()).await;
}

#[sim::test(seeds = 10)]
#[should_panic(expected = "PAYMENT_KEY has a value of test mode in a live service (service links: links-2)")]
async fn a_sandbox_key_on_one_node_is_found(sim: Sim) {
    production(sim, |stack| vec![("PAYMENT_KEY", stack.payments.key(Mode::Test))]).await;
}

#[sim::test(seeds = 10)]
#[should_panic(expected = "QUOTA differs within the service (service links: links-1, links-2)")]
async fn a_quota_on_one_node_is_found(sim: Sim) {
    production(sim, |_| vec![("QUOTA", "100".to_owned())]).await;
}
