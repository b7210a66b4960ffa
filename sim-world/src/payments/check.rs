//! What properties ask the books.

use super::{Capture, Delivery, Event, Mode, Payment, Payments, Refund};

impl Payments {
    /// All payments, in the order they were made.
    pub fn payments(&self) -> Vec<Payment> {
        self.state.with(|state| state.ledger.payments.clone())
    }

    /// All captures of both modes, in order.
    pub fn captures(&self) -> Vec<Capture> {
        self.state.with(|state| state.ledger.captures.clone())
    }

    /// All refunds of both modes, in order.
    pub fn refunds(&self) -> Vec<Refund> {
        self.state.with(|state| state.ledger.refunds.clone())
    }

    /// All events, in the order they came about.
    pub fn events(&self) -> Vec<Event> {
        self.state.with(|state| state.webhooks.events.clone())
    }

    /// All attempts to deliver webhooks, in the order they ended.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.with(|state| state.webhooks.deliveries.clone())
    }

    /// Whether webhooks are still to be delivered.
    pub fn delivering(&self) -> bool {
        self.state.with(|state| !state.webhooks.pending.is_empty())
    }

    /// Real money captured and not refunded for a reference, in minor units. Test mode moves none.
    pub fn money_moved(&self, reference: &str) -> u64 {
        self.state.with(|state| {
            let live =
                |mode: Mode, of: &Option<String>| mode == Mode::Live && of.as_deref() == Some(reference);
            let captures =
                state.ledger.captures.iter().filter(|capture| live(capture.mode, &capture.reference));
            let refunds = state.ledger.refunds.iter().filter(|refund| live(refund.mode, &refund.reference));
            captures.map(|capture| capture.amount).sum::<u64>()
                - refunds.map(|refund| refund.amount).sum::<u64>()
        })
    }

    /// Captures for a reference, of both modes, refunded or not.
    pub fn captured(&self, reference: &str) -> usize {
        self.state.with(|state| {
            let captures = state.ledger.captures.iter();
            captures.filter(|capture| capture.reference.as_deref() == Some(reference)).count()
        })
    }

    /// For [`Sim::always`](sim_runtime::Sim::always): no reference was captured twice. Payments without a
    /// reference are not looked at.
    ///
    /// # Errors
    ///
    /// Which one was, and by which payments.
    pub fn captured_at_most_once(&self) -> Result<(), String> {
        self.state.with(|state| {
            let captures = &state.ledger.captures;
            let twice = captures.iter().rev().find(|capture| {
                capture.reference.is_some()
                    && captures[..capture.number as usize - 1]
                        .iter()
                        .any(|earlier| earlier.reference == capture.reference)
            });
            twice.map_or(Ok(()), |twice| {
                let same = captures.iter().filter(|capture| capture.reference == twice.reference);
                let payments: Vec<String> =
                    same.map(|capture| format!("{} ({})", capture.payment, capture.amount)).collect();
                let reference = twice.reference.as_deref().unwrap_or_default();
                Err(format!("{reference} was captured by {}", payments.join(" and ")))
            })
        })
    }

    /// For [`Sim::always`](sim_runtime::Sim::always): nothing was captured in test mode.
    ///
    /// # Errors
    ///
    /// The first capture of play money.
    pub fn real_money_only(&self) -> Result<(), String> {
        self.state.with(|state| {
            let play = state.ledger.captures.iter().find(|capture| capture.mode == Mode::Test);
            play.map_or(Ok(()), |capture| {
                let what = capture.reference.as_deref().unwrap_or("a payment without reference");
                Err(format!("{what} was paid with play money: {} was made with a test key", capture.payment))
            })
        })
    }
}
