//! What the shop remembers, in memory; every method is one transaction.

use crate::error::{Error, Result};
use crate::model::{
    Customer, CustomerChange, Line, NewCustomer, Order, Payment, PaymentStatus, Product, Status,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
struct Tables {
    products: BTreeMap<String, Product>,
    customers: BTreeMap<i64, Customer>,
    orders: BTreeMap<i64, OrderRow>,
    payments: BTreeMap<i64, Payment>,
}

#[derive(Debug)]
struct OrderRow {
    order: Order,
    /// The customer's key for it.
    key: Option<String>,
    /// Whether the inventory knows that it is paid or cancelled.
    settled: bool,
}

/// What became of the wish to pay.
#[derive(Clone, Debug)]
pub enum Paying {
    /// The provider is to be asked.
    Started(Payment),
    /// Somebody else pays, or has paid.
    Already(Order),
}

/// All that is remembered; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<Mutex<Tables>>);

impl Store {
    /// Adds a product, or changes its price.
    pub async fn put_product(&self, product: &Product) -> Result<()> {
        self.tables().products.insert(product.name.clone(), product.clone());
        Ok(())
    }

    /// One product.
    pub async fn product(&self, name: &str) -> Result<Product> {
        self.tables().products.get(name).cloned().ok_or_else(|| Error::Absent(format!("product {name}")))
    }

    /// Adds a customer; the address of email must be new.
    pub async fn create_customer(&self, new: NewCustomer) -> Result<Customer> {
        let mut tables = self.tables();
        if tables.customers.values().any(|customer| customer.email == new.email) {
            return Err(Error::Conflict(format!("{} is a customer already", new.email)));
        }
        let NewCustomer { name, email, phone, address } = new;
        let customer = Customer { id: next(&tables.customers), name, email, phone, address };
        tables.customers.insert(customer.id, customer.clone());
        Ok(customer)
    }

    /// One customer.
    pub async fn customer(&self, id: i64) -> Result<Customer> {
        self.tables().customers.get(&id).cloned().ok_or_else(|| Error::Absent(format!("customer {id}")))
    }

    /// Changes what the change names, and nothing else.
    pub async fn change_customer(&self, id: i64, change: CustomerChange) -> Result<Customer> {
        let mut tables = self.tables();
        let customer =
            tables.customers.get_mut(&id).ok_or_else(|| Error::Absent(format!("customer {id}")))?;
        if let Some(name) = change.name {
            customer.name = name;
        }
        if let Some(phone) = change.phone {
            customer.phone = phone;
        }
        if let Some(address) = change.address {
            customer.address = address;
        }
        Ok(customer.clone())
    }

    /// Writes an order down, or finds the one that the customer placed under the same key.
    pub async fn place_order(&self, customer: i64, key: Option<&str>, lines: &[Line]) -> Result<Order> {
        let mut tables = self.tables();
        if !tables.customers.contains_key(&customer) {
            return Err(Error::Absent(format!("customer {customer}")));
        }
        let same = |row: &&OrderRow| row.order.customer == customer && row.key.as_deref() == key;
        if key.is_some()
            && let Some(row) = tables.orders.values().find(same)
        {
            return if row.order.lines == lines {
                Ok(row.order.clone())
            } else {
                Err(Error::Conflict("the idempotency-key was used for another order".to_owned()))
            };
        }
        let mut total = 0_i64;
        for Line { product, quantity } in lines {
            let found = tables.products.get(product);
            let price = found.ok_or_else(|| Error::Absent(format!("product {product}")))?.price;
            let sum = price.checked_mul(i64::from(*quantity)).and_then(|line| total.checked_add(line));
            total = sum.ok_or_else(|| Error::Invalid("the total is too large".to_owned()))?;
        }
        let order = Order {
            id: next(&tables.orders),
            customer,
            lines: lines.to_vec(),
            total,
            status: Status::Placed,
            reason: None,
            capture: None,
            placed_at: Utc::now(),
            reserved_until: None,
        };
        let row = OrderRow { order: order.clone(), key: key.map(str::to_owned), settled: false };
        tables.orders.insert(order.id, row);
        Ok(order)
    }

    /// One order.
    pub async fn order(&self, id: i64) -> Result<Order> {
        Ok(row(&mut self.tables(), id)?.order.clone())
    }

    /// The inventory holds the order's lines.
    pub async fn reserved(&self, id: i64, wait: Duration) -> Result<Order> {
        let mut tables = self.tables();
        let order = &mut row(&mut tables, id)?.order;
        if order.status == Status::Placed {
            order.status = Status::Reserved;
            order.reserved_until = Some(Utc::now() + wait);
        }
        Ok(order.clone())
    }

    /// Cancels an order that is `from`; whether it was.
    pub async fn cancel(&self, id: i64, from: Status, reason: &str) -> Result<bool> {
        let mut tables = self.tables();
        let order = &mut row(&mut tables, id)?.order;
        if order.status != from {
            return Ok(false);
        }
        order.status = Status::Cancelled;
        order.reason = Some(reason.to_owned());
        Ok(true)
    }

    /// Starts a payment of an order that is reserved.
    pub async fn start_payment(&self, order: i64, card: &str) -> Result<Paying> {
        let mut tables = self.tables();
        let id = next(&tables.payments);
        let order = &mut row(&mut tables, order)?.order;
        match order.status {
            Status::Paying | Status::Paid => return Ok(Paying::Already(order.clone())),
            Status::Reserved if order.reserved_until > Some(Utc::now()) => {}
            Status::Reserved => {
                return Err(Error::Conflict(format!("order {} was not paid in time", order.id)));
            }
            Status::Placed => {
                return Err(Error::Conflict(format!("order {} is not in stock yet", order.id)));
            }
            Status::Cancelled => return Err(Error::Conflict(format!("order {} is cancelled", order.id))),
        }
        order.status = Status::Paying;
        let payment = Payment {
            id,
            order: order.id,
            amount: order.total,
            card: card.to_owned(),
            status: PaymentStatus::Started,
            started_at: Utc::now(),
        };
        tables.payments.insert(id, payment.clone());
        Ok(Paying::Started(payment))
    }

    /// The money has moved.
    pub async fn paid(&self, payment: i64, capture: &str) -> Result<Order> {
        let mut tables = self.tables();
        let payment = payment_row(&mut tables, payment)?;
        payment.status = PaymentStatus::Captured;
        let id = payment.order;
        let order = &mut row(&mut tables, id)?.order;
        order.status = Status::Paid;
        order.capture = Some(capture.to_owned());
        Ok(order.clone())
    }

    /// The money has not moved: the order waits for another card, as long as it is reserved.
    pub async fn declined(&self, payment: i64) -> Result<()> {
        let mut tables = self.tables();
        let payment = payment_row(&mut tables, payment)?;
        if payment.status != PaymentStatus::Started {
            return Ok(());
        }
        payment.status = PaymentStatus::Declined;
        let id = payment.order;
        row(&mut tables, id)?.order.status = Status::Reserved;
        Ok(())
    }

    /// The inventory knows what became of the order.
    pub async fn settled(&self, id: i64) -> Result<()> {
        row(&mut self.tables(), id)?.settled = true;
        Ok(())
    }

    /// Orders that were placed `age` ago or earlier, and for which the inventory has not answered.
    pub async fn unreserved(&self, age: Duration) -> Result<Vec<i64>> {
        let before = Utc::now() - age;
        Ok(self.orders_that(|row| row.order.status == Status::Placed && row.order.placed_at <= before))
    }

    /// Orders that were not paid in time.
    pub async fn expired(&self) -> Result<Vec<i64>> {
        let now = Utc::now();
        let past = |until: Option<DateTime<Utc>>| until.is_some_and(|until| until <= now);
        Ok(self.orders_that(|row| row.order.status == Status::Reserved && past(row.order.reserved_until)))
    }

    /// Orders of which the inventory does not know that they are paid or cancelled.
    pub async fn unsettled(&self) -> Result<Vec<i64>> {
        Ok(self
            .orders_that(|row| !row.settled && matches!(row.order.status, Status::Paid | Status::Cancelled)))
    }

    /// Payments that were started `age` ago or earlier, and on which the provider has not decided.
    pub async fn undecided(&self, age: Duration) -> Result<Vec<Payment>> {
        let before = Utc::now() - age;
        let tables = self.tables();
        let undecided =
            |payment: &&Payment| payment.status == PaymentStatus::Started && payment.started_at <= before;
        Ok(tables.payments.values().filter(undecided).cloned().collect())
    }

    fn orders_that(&self, wanted: impl Fn(&OrderRow) -> bool) -> Vec<i64> {
        let tables = self.tables();
        tables.orders.iter().filter(|(_, row)| wanted(row)).map(|(&id, _)| id).collect()
    }

    /// No method fails half-way, so what a panicking thread left is whole.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next<T>(table: &BTreeMap<i64, T>) -> i64 {
    table.last_key_value().map_or(1, |(id, _)| id + 1)
}

fn row(tables: &mut Tables, id: i64) -> Result<&mut OrderRow> {
    tables.orders.get_mut(&id).ok_or_else(|| Error::Absent(format!("order {id}")))
}

fn payment_row(tables: &mut Tables, id: i64) -> Result<&mut Payment> {
    tables.payments.get_mut(&id).ok_or_else(|| Error::Absent(format!("payment {id}")))
}
