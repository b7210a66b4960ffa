//! The provider's books.

use serde_json::{Value, json};
use sim_runtime::time::Nanos;
use std::collections::BTreeMap;
use std::fmt;

/// Whether money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Play money.
    Test,
    /// Real money.
    Live,
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Test => "test",
            Self::Live => "live",
        })
    }
}

/// Where a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The bank has not answered yet.
    Processing,
    /// Authorised; nothing captured.
    RequiresCapture,
    /// Captured.
    Succeeded,
    /// Refused.
    Declined,
    /// Given up before the capture.
    Canceled,
}

impl Status {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Declined => "declined",
            Self::Canceled => "canceled",
        }
    }
}

/// A payment as the provider knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// `pay_1` and so on.
    pub id: String,
    /// Of the key it was made with.
    pub mode: Mode,
    /// Where it is.
    pub status: Status,
    /// In minor units.
    pub amount: u64,
    /// Captured, in minor units.
    pub captured: u64,
    /// Refunded, in minor units.
    pub refunded: u64,
    /// As given, or `eur`.
    pub currency: String,
    /// The merchant's own name for what is paid.
    pub reference: Option<String>,
    /// The customer it belongs to.
    pub customer: Option<String>,
    /// As given.
    pub metadata: Value,
    /// Grows with each change, from 1.
    pub version: u64,
    /// Why it was declined.
    pub decline_code: Option<String>,
    /// The idempotency key it was made with.
    pub idempotency_key: Option<String>,
    /// Seconds since the Unix epoch on the provider's clock.
    pub created: u64,
}

impl Payment {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id, "object": "payment", "mode": self.mode.to_string(), "status": self.status.as_str(),
            "amount": self.amount, "captured": self.captured, "refunded": self.refunded,
            "currency": self.currency, "reference": self.reference, "customer": self.customer,
            "metadata": self.metadata, "version": self.version, "decline_code": self.decline_code,
            "created": self.created,
        })
    }
}

/// Money taken (or play money, by its mode).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Of all captures, from 1.
    pub number: u64,
    /// Id of the payment.
    pub payment: String,
    /// Reference of the payment.
    pub reference: Option<String>,
    /// Whether money moved.
    pub mode: Mode,
    /// In minor units.
    pub amount: u64,
    /// True virtual time.
    pub at: Nanos,
}

/// Money given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// `re_1` and so on.
    pub id: String,
    /// Id of the payment.
    pub payment: String,
    /// Reference of the payment.
    pub reference: Option<String>,
    /// Whether money moved.
    pub mode: Mode,
    /// In minor units.
    pub amount: u64,
    /// True virtual time.
    pub at: Nanos,
}

impl Refund {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id, "object": "refund", "mode": self.mode.to_string(), "payment": self.payment,
            "amount": self.amount, "status": "succeeded",
        })
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) payments: Vec<Payment>,
    pub(super) captures: Vec<Capture>,
    pub(super) refunds: Vec<Refund>,
    /// Mode and object, by id.
    pub(super) customers: BTreeMap<String, (Mode, Value)>,
}

impl Ledger {
    pub(super) fn find(&mut self, mode: Mode, id: &str) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.mode == mode && payment.id == id)
    }

    /// Takes `amount` for a payment that is there.
    pub(super) fn capture(&mut self, id: &str, amount: u64, at: Nanos) -> Payment {
        let payment = self.payments.iter_mut().find(|payment| payment.id == id).expect("the caller found it");
        payment.captured = amount;
        payment.status = Status::Succeeded;
        payment.version += 1;
        self.captures.push(Capture {
            number: self.captures.len() as u64 + 1,
            payment: payment.id.clone(),
            reference: payment.reference.clone(),
            mode: payment.mode,
            amount,
            at,
        });
        payment.clone()
    }

    /// Gives `amount` back for a payment that is there.
    pub(super) fn refund(&mut self, id: &str, amount: u64, at: Nanos) -> (Payment, Refund) {
        let payment = self.payments.iter_mut().find(|payment| payment.id == id).expect("the caller found it");
        payment.refunded += amount;
        payment.version += 1;
        let refund = Refund {
            id: format!("re_{}", self.refunds.len() + 1),
            payment: payment.id.clone(),
            reference: payment.reference.clone(),
            mode: payment.mode,
            amount,
            at,
        };
        self.refunds.push(refund.clone());
        (payment.clone(), refund)
    }

    /// Another status for a payment that is there.
    pub(super) fn become_status(&mut self, id: &str, status: Status) -> Payment {
        let payment = self.payments.iter_mut().find(|payment| payment.id == id).expect("the caller found it");
        payment.status = status;
        payment.version += 1;
        payment.clone()
    }
}
