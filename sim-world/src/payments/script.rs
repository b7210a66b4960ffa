//! How the provider misbehaves on demand.

use crate::event::{below, strikes};
use std::time::Duration;

/// What the provider does to a request instead of simply serving it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// A new payment is declined with this code: status 402. Other operations are served.
    Decline(String),
    /// So much longer before anything happens.
    Slow(Duration),
    /// 503; nothing happened, and an idempotency key is not used up.
    Unavailable,
    /// No answer ever; nothing happened.
    SilentBefore,
    /// No answer ever; it happened. A repetition under the same idempotency key is answered.
    SilentAfter,
    /// 500, but it happened. A repetition under the same idempotency key is told the truth.
    FailAfter,
    /// A new payment is `processing` and succeeds after so long, which a webhook tells. Other operations are
    /// served.
    Settle(Duration),
    /// A new payment is `processing` and is declined after so long, which a webhook tells. Other operations are
    /// served.
    DeclineLater(Duration),
}

/// Which requests a rule of the script means.
///
/// ```
/// use sim_world::payments::On;
/// let the_refund_of_order_7 = On::refund().reference("order-7");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct On {
    operation: Option<Operation>,
    reference: Option<String>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Capture,
    Cancel,
    Refund,
    Read,
    Other,
}

impl On {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// New payments.
    pub fn create() -> Self {
        Self { operation: Some(Operation::Create), reference: None }
    }

    /// Captures of authorised payments.
    pub fn capture() -> Self {
        Self { operation: Some(Operation::Capture), reference: None }
    }

    /// Refunds.
    pub fn refund() -> Self {
        Self { operation: Some(Operation::Refund), reference: None }
    }

    /// Requests that only look.
    pub fn read() -> Self {
        Self { operation: Some(Operation::Read), reference: None }
    }

    /// Only for payments with this reference.
    #[must_use]
    pub fn reference(mut self, reference: &str) -> Self {
        self.reference = Some(reference.to_owned());
        self
    }

    fn means(&self, operation: Operation, reference: Option<&str>) -> bool {
        self.operation.is_none_or(|own| own == operation)
            && self.reference.as_deref().is_none_or(|own| Some(own) == reference)
    }
}

/// The rules in force.
#[derive(Debug, Default)]
pub(super) struct Script(Vec<(On, Behaviour, Option<u32>)>);

impl Script {
    pub(super) fn add(&mut self, on: On, behaviour: Behaviour, times: Option<u32>) {
        self.0.push((on, behaviour, times));
    }

    /// What the script says about a request, used up if it was said for a number of times.
    pub(super) fn take(&mut self, operation: Operation, reference: Option<&str>) -> Option<Behaviour> {
        let at = self.0.iter().position(|(on, _, _)| on.means(operation, reference))?;
        let (_, behaviour, times) = &mut self.0[at];
        let behaviour = behaviour.clone();
        if let Some(times) = times {
            *times -= 1;
            if *times == 0 {
                self.0.remove(at);
            }
        }
        Some(behaviour)
    }
}

/// Longest extra time of `payments.slow`.
const SLOW_MS_MAX: u64 = 30_000;

/// What the plan of faults does to a request.
pub(super) fn planned(operation: Operation, line: &str) -> Option<Behaviour> {
    let describe = || line.to_owned();
    if operation == Operation::Create && strikes("payments.declined", describe) {
        return Some(Behaviour::Decline("card_declined".into()));
    }
    if strikes("payments.unavailable", describe) {
        return Some(Behaviour::Unavailable);
    }
    if strikes("payments.slow", describe) {
        return Some(Behaviour::Slow(Duration::from_millis(below("payments/slow", SLOW_MS_MAX) + 1)));
    }
    if operation != Operation::Read && strikes("payments.failed_after", describe) {
        return Some(Behaviour::FailAfter);
    }
    None
}
