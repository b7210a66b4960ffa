//! Links and what users may have of them, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// A short link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whose it is.
    pub user: String,
    /// Where it leads to.
    pub url: String,
    /// What the user calls it.
    pub title: Option<String>,
}

/// The store. The clone is the same store.
#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Tables>>);

#[derive(Default)]
struct Tables {
    /// By code.
    links: BTreeMap<String, Link>,
    /// Links bought, by user.
    bought: BTreeMap<String, u32>,
    /// Payments that were credited.
    credited: BTreeSet<String>,
}

impl Store {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().expect("nothing panics while it holds the lock")
    }

    /// How many links a user has.
    pub async fn count(&self, user: &str) -> u32 {
        self.tables().count(user)
    }

    /// How many links a user has bought.
    pub async fn bought(&self, user: &str) -> u32 {
        self.tables().bought.get(user).copied().unwrap_or(0)
    }

    /// Stores a link, whatever the quota; its code.
    pub async fn insert(&self, link: Link) -> String {
        self.tables().insert(link)
    }

    /// Stores a link unless the user has `quota` already, not counting what was bought.
    pub async fn insert_within(&self, quota: u32, link: Link) -> Option<String> {
        let mut tables = self.tables();
        let quota = quota + tables.bought.get(&link.user).copied().unwrap_or(0);
        (tables.count(&link.user) < quota).then(|| tables.insert(link))
    }

    /// The link of a code.
    pub async fn get(&self, code: &str) -> Option<Link> {
        self.tables().links.get(code).cloned()
    }

    /// Changes a link of a user; `None` if there is none.
    pub async fn change(&self, code: &str, user: &str, change: impl FnOnce(&mut Link)) -> Option<()> {
        let mut tables = self.tables();
        let link = tables.links.get_mut(code).filter(|link| link.user == user)?;
        change(link);
        Some(())
    }

    /// Credits a payment, once however often it is told.
    pub async fn credit(&self, payment: &str, user: &str, links: u32) {
        let mut tables = self.tables();
        if tables.credited.insert(payment.to_owned()) {
            *tables.bought.entry(user.to_owned()).or_default() += links;
        }
    }
}

impl Tables {
    fn count(&self, user: &str) -> u32 {
        self.links.values().filter(|link| link.user == user).count() as u32
    }

    fn insert(&mut self, link: Link) -> String {
        let code = format!("l{}", self.links.len() + 1);
        self.links.insert(code.clone(), link);
        code
    }
}
