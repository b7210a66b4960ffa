//! The service on nodes of its own, with all it needs.

use link_shortener::{Store, run};
use sim::Sim;
use sim::world::http::until_served;
use sim::world::payments::Mode;
use sim::world::{Identity, Payments};

/// What tests look into.
pub struct Stack {
    pub identity: Identity,
    pub payments: Payments,
    /// Outlives a crash of the nodes, as a database would.
    pub store: Store,
}

impl Stack {
    /// Boots third parties and so many nodes of the service, `links-1` and so on, and waits until they serve.
    pub async fn boot(sim: Sim, nodes: u32) -> Self {
        let stack = Self::prepare(sim);
        for number in 1..=nodes {
            stack.boot_node(sim, &format!("links-{number}"), &[]).await;
        }
        stack
    }

    /// Only the third parties.
    pub fn prepare(sim: Sim) -> Self {
        let identity = Identity::start(&sim, "identity");
        identity.add_user("anna", "secret", &[]);
        Self { identity, payments: Payments::start(&sim, "payments"), store: Store::default() }
    }

    /// Boots one node of the service, with variables of its own besides the usual ones.
    pub async fn boot_node(&self, sim: Sim, name: &str, variables: &[(&str, &str)]) {
        let node = sim.node(name);
        let secret = self.payments.webhook(Mode::Live, &format!("http://{name}:3000/webhooks/payments"));
        node.set_variable("IDENTITY_URL", &self.identity.url());
        node.set_variable("PAYMENT_URL", &self.payments.url());
        node.set_variable("PAYMENT_KEY", &self.payments.key(Mode::Live));
        node.set_variable("WEBHOOK_SECRET", &secret);
        for (name, value) in variables {
            node.set_variable(name, value);
        }
        let store = self.store.clone();
        node.boot(move || run(store.clone()));
        until_served(&format!("http://{name}:3000")).await;
    }
}
