//! The object store: the SQL layer's catalog, transactional.
//!
//! Changes stand in the transaction until it commits; others read what is
//! committed now, whatever their snapshot, as PostgreSQL's catalog lookups do.

use std::{any::Any, collections::BTreeMap, sync::Arc};

use super::{
    lock::LockTag,
    mode::{LockMode, WaitPolicy},
    session::Session,
    undo::Undo,
};
use crate::error::Result;

/// An entry of the object store: class (the SQL layer's: table, type, …), namespace OID, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// what kind of object
    pub class: u16,
    /// in which namespace
    pub namespace: u32,
    /// its name
    pub name: Arc<str>,
}

/// The objects of one class and namespace, by name.
type Names = BTreeMap<Arc<str>, Arc<dyn Any + Send + Sync>>;

/// What is committed, by class and namespace, then name.
#[derive(Clone, Default)]
pub(crate) struct ObjectMap(BTreeMap<(u16, u32), Names>);

/// A change of an object: its new value, or `None` if it is removed.
pub(crate) type ObjectChange = Option<Arc<dyn Any + Send + Sync>>;

/// What one transaction changed; `None` is removed.
pub(crate) type ObjectChanges = BTreeMap<ObjectKey, ObjectChange>;

impl ObjectMap {
    fn get(&self, class: u16, namespace: u32, name: &str) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.0.get(&(class, namespace))?.get(name)
    }

    pub(crate) fn apply(&mut self, changes: ObjectChanges) {
        for (key, object) in changes {
            let names = self.0.entry((key.class, key.namespace)).or_default();
            match object {
                Some(object) => names.insert(key.name, object),
                None => names.remove(&key.name),
            };
        }
    }
}

impl ObjectKey {
    /// A fixed hash of the key, for its lock.
    fn hash(&self) -> u64 {
        let start = 0xcbf2_9ce4_8422_2325_u64 ^ u64::from(self.class) ^ (u64::from(self.namespace) << 16);
        self.name.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

impl Session {
    /// An object of the catalog: this transaction's own change, or else what is committed now.
    pub fn object(&self, class: u16, namespace: u32, name: &str) -> Option<Arc<dyn Any + Send + Sync>> {
        let state = self.core.state.borrow();
        if let Some(transaction) = &state.session(self.proc).transaction
            && !transaction.objects.is_empty()
        {
            let key = ObjectKey { class, namespace, name: name.into() };
            if let Some(change) = transaction.objects.get(&key) {
                return change.clone();
            }
        }
        state.store.objects.get(class, namespace, name).cloned()
    }

    /// The objects of a class (in one namespace), by namespace and name.
    pub fn objects(
        &self,
        class: u16,
        namespace: Option<u32>,
    ) -> Vec<(ObjectKey, Arc<dyn Any + Send + Sync>)> {
        let state = self.core.state.borrow();
        let (from, to) = namespace.map_or((0, u32::MAX), |n| (n, n));
        let committed = state.store.objects.0.range((class, from)..=(class, to));
        let mut all: ObjectChanges = committed
            .flat_map(|((class, namespace), names)| {
                names.iter().map(|(name, object)| {
                    let key = ObjectKey { class: *class, namespace: *namespace, name: Arc::clone(name) };
                    (key, Some(Arc::clone(object)))
                })
            })
            .collect();
        if let Some(transaction) = &state.session(self.proc).transaction {
            let own = transaction.objects.iter();
            let own = own.filter(|(key, _)| key.class == class && (from..=to).contains(&key.namespace));
            all.extend(own.map(|(key, change)| (key.clone(), change.clone())));
        }
        all.into_iter().filter_map(|(key, object)| object.map(|object| (key, object))).collect()
    }

    fn change_object(&self, key: ObjectKey, object: ObjectChange) {
        let mut state = self.core.state.borrow_mut();
        let stamp = state.store.next_stamp();
        let transaction = state.transaction_mut(self.proc);
        let before = transaction.objects.insert(key.clone(), object);
        transaction.undo.push(Undo::Object(Box::new((key, before))));
        transaction.object_stamp = stamp;
    }

    /// Puts an object into the catalog; undone by a rollback, seen by others from commit on.
    pub fn put_object(&self, key: ObjectKey, object: Arc<dyn Any + Send + Sync>) {
        self.change_object(key, Some(object));
    }

    /// Takes an object out.
    pub fn remove_object(&self, key: &ObjectKey) {
        self.change_object(key.clone(), None);
    }

    /// Keeps others from creating or dropping an object of this name until the transaction ends (waits for one that
    /// does): take it before looking whether the name is free.
    ///
    /// # Errors
    /// 40P01, 55P03, 57014.
    pub async fn lock_object(&self, key: &ObjectKey) -> Result<()> {
        let tag = LockTag::Object(key.hash());
        self.lock(tag, LockMode::Exclusive, WaitPolicy::Wait).await.map(drop)
    }

    /// A counter that moves whenever this session may see other objects than before: for plan caches.
    pub fn catalog_version(&self) -> u64 {
        let state = self.core.state.borrow();
        let own = state.session(self.proc).transaction.as_ref().map_or(0, |t| t.object_stamp);
        own.max(state.store.catalog_version)
    }
}
