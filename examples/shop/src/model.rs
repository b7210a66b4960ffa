//! What the shop speaks of.

use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use sqlx::FromRow;

/// Something to buy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its name and key.
    pub name: String,
    /// In cents.
    pub price: i64,
}

/// Someone who buys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Customer {
    /// Number.
    pub id: i64,
    /// How they are called.
    pub name: String,
    /// Where they get mail; no two customers have the same.
    pub email: String,
    /// Where they can be called.
    pub phone: Option<String>,
    /// Where parcels go.
    pub address: Option<String>,
}

/// A new customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewCustomer {
    /// How they are called.
    pub name: String,
    /// Where they get mail.
    pub email: String,
    /// Where they can be called.
    pub phone: Option<String>,
    /// Where parcels go.
    pub address: Option<String>,
}

/// A change of a customer: what is absent stays, what is null is removed.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CustomerChange {
    /// Another name.
    pub name: Option<String>,
    /// Another phone number, or none.
    #[serde(default, deserialize_with = "present")]
    pub phone: Option<Option<String>>,
    /// Another address, or none.
    #[serde(default, deserialize_with = "present")]
    pub address: Option<Option<String>>,
}

/// Tells a field that is null from one that is absent.
fn present<'de, D, T>(deserializer: D) -> std::result::Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Written down; the inventory is being asked.
    Placed,
    /// The inventory holds its lines until the reservation ends.
    Reserved,
    /// The payment provider has been asked, and what it did is not known yet.
    Paying,
    /// Paid.
    Paid,
    /// Not wanted any more, by whomever.
    Cancelled,
}

impl Status {
    /// As the database has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Reserved => "reserved",
            Self::Paying => "paying",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of this name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn named(name: &str) -> Result<Self> {
        let all = [Self::Placed, Self::Reserved, Self::Paying, Self::Paid, Self::Cancelled];
        let found = all.into_iter().find(|status| status.name() == name);
        found.ok_or_else(|| Error::Broken(format!("an order is `{name}`")))
    }
}

/// So much of a product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Line {
    /// Which.
    pub product: String,
    /// How many, from 1.
    pub quantity: u32,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Number.
    pub id: i64,
    /// Whose.
    pub customer: i64,
    /// What, by product.
    pub lines: Vec<Line>,
    /// In cents.
    pub total: i64,
    /// How far.
    pub status: Status,
    /// Why it was cancelled.
    pub reason: Option<String>,
    /// The provider's number of the payment.
    pub capture: Option<String>,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// Until when the inventory holds it.
    pub reserved_until: Option<DateTime<Utc>>,
}

/// How far a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// The provider is being asked.
    Started,
    /// The money has moved.
    Captured,
    /// The provider refused.
    Declined,
}

/// One try to pay an order. An order has at most one that is started or captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Number, and so the idempotency key.
    pub id: i64,
    /// Of what.
    pub order: i64,
    /// In cents.
    pub amount: i64,
    /// Whose money.
    pub card: String,
    /// How far.
    pub status: PaymentStatus,
    /// When it was started.
    pub started_at: DateTime<Utc>,
}

impl Payment {
    /// The same whenever and by whomever the provider is asked, so that money moves once.
    pub fn idempotency_key(&self) -> String {
        format!("payment-{}", self.id)
    }
}
