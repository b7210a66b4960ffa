//! The rules of stock: nothing is promised twice, and every step may be repeated.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much of one product there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// On the shelf, reserved or not.
    pub on_hand: u32,
    /// Of these, set aside for orders.
    pub reserved: u32,
}

impl Level {
    /// What can still be promised.
    pub fn available(self) -> u32 {
        self.on_hand - self.reserved
    }
}

/// What an order holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// Quantities by product, set aside.
    Held(BTreeMap<String, u32>),
    /// Put back.
    Released,
    /// Sold.
    Committed,
}

/// Why a step was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is not enough of one product.
    #[error("only {available} of {product} are available, {wanted} are wanted")]
    OutOfStock {
        /// Which.
        product: String,
        /// How much could be had.
        available: u32,
        /// How much was asked for.
        wanted: u32,
    },
    /// The order's reservation has ended, by release or by sale.
    #[error("the reservation of order {order} has ended")]
    Ended {
        /// Which.
        order: i64,
    },
    /// The order holds nothing.
    #[error("order {order} holds nothing")]
    Unknown {
        /// Which.
        order: i64,
    },
}

#[derive(Debug, Default)]
struct Books {
    levels: BTreeMap<String, Level>,
    reservations: BTreeMap<i64, Reservation>,
}

/// All stock; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stock(Arc<Mutex<Books>>);

impl Stock {
    /// Adds stock.
    pub fn receive(&self, product: &str, quantity: u32) {
        self.books().levels.entry(product.to_owned()).or_default().on_hand += quantity;
    }

    /// How much of a product there is.
    pub fn level(&self, product: &str) -> Level {
        self.books().levels.get(product).copied().unwrap_or_default()
    }

    /// What an order holds, if it was ever heard of.
    pub fn reservation(&self, order: i64) -> Option<Reservation> {
        self.books().reservations.get(&order).cloned()
    }

    /// Sets quantities aside, all or none.
    ///
    /// # Errors
    ///
    /// If one is not in stock, or the order's reservation has ended.
    pub fn reserve(&self, order: i64, lines: BTreeMap<String, u32>) -> Result<(), Refusal> {
        let mut books = self.books();
        match books.reservations.get(&order) {
            Some(Reservation::Held(_)) => return Ok(()),
            Some(_) => return Err(Refusal::Ended { order }),
            None => {}
        }
        for (product, &wanted) in &lines {
            let available = books.levels.get(product).map_or(0, |level| level.available());
            if available < wanted {
                return Err(Refusal::OutOfStock { product: product.clone(), available, wanted });
            }
        }
        for (product, quantity) in &lines {
            books.levels.entry(product.clone()).or_default().reserved += quantity;
        }
        books.reservations.insert(order, Reservation::Held(lines));
        Ok(())
    }

    /// Puts back what an order holds. A reservation that is still on its way will find that it has ended.
    ///
    /// # Errors
    ///
    /// If it is sold.
    pub fn release(&self, order: i64) -> Result<(), Refusal> {
        let mut books = self.books();
        match books.reservations.insert(order, Reservation::Released) {
            Some(Reservation::Held(lines)) => {
                for (product, quantity) in lines {
                    books.levels.entry(product).or_default().reserved -= quantity;
                }
                Ok(())
            }
            Some(Reservation::Released) | None => Ok(()),
            Some(Reservation::Committed) => {
                books.reservations.insert(order, Reservation::Committed);
                Err(Refusal::Ended { order })
            }
        }
    }

    /// Takes what an order holds off the shelf.
    ///
    /// # Errors
    ///
    /// If it holds nothing, or has put it back.
    pub fn commit(&self, order: i64) -> Result<(), Refusal> {
        let mut books = self.books();
        let lines = match books.reservations.get(&order) {
            Some(Reservation::Held(lines)) => lines.clone(),
            Some(Reservation::Committed) => return Ok(()),
            Some(Reservation::Released) => return Err(Refusal::Ended { order }),
            None => return Err(Refusal::Unknown { order }),
        };
        for (product, quantity) in lines {
            let level = books.levels.entry(product).or_default();
            level.on_hand -= quantity;
            level.reserved -= quantity;
        }
        books.reservations.insert(order, Reservation::Committed);
        Ok(())
    }

    /// No step fails half-way, so what a panicking thread left is whole.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(wanted: &[(&str, u32)]) -> BTreeMap<String, u32> {
        wanted.iter().map(|&(product, quantity)| (product.to_owned(), quantity)).collect()
    }

    fn stocked() -> Stock {
        let stock = Stock::default();
        stock.receive("tea", 3);
        stock.receive("cup", 1);
        stock
    }

    #[test]
    fn a_reservation_is_all_or_nothing() {
        let stock = stocked();
        let refusal = stock.reserve(1, lines(&[("tea", 2), ("cup", 2)])).unwrap_err();
        assert_eq!(refusal.to_string(), "only 1 of cup are available, 2 are wanted");
        assert_eq!(stock.level("tea"), Level { on_hand: 3, reserved: 0 });
    }

    #[test]
    fn every_step_may_be_repeated() {
        let stock = stocked();
        for _ in 0..2 {
            stock.reserve(1, lines(&[("tea", 2)])).unwrap();
        }
        assert_eq!(stock.level("tea"), Level { on_hand: 3, reserved: 2 });
        for _ in 0..2 {
            stock.commit(1).unwrap();
        }
        assert_eq!(stock.level("tea"), Level { on_hand: 1, reserved: 0 });
        assert_eq!(stock.release(1), Err(Refusal::Ended { order: 1 }));
        assert_eq!(stock.reservation(1), Some(Reservation::Committed));
    }

    #[test]
    fn a_reservation_that_comes_after_its_release_is_refused() {
        let stock = stocked();
        for _ in 0..2 {
            stock.release(1).unwrap();
        }
        assert_eq!(stock.reserve(1, lines(&[("tea", 1)])), Err(Refusal::Ended { order: 1 }));
        assert_eq!(stock.level("tea").available(), 3);
    }
}
