//! Reading and writing catalog objects in the engine's object store.

use super::object::*;
use super::{INFORMATION_SCHEMA, PG_CATALOG, PUBLIC};
use crate::engine::{ObjectKey, Session};
use crate::value::Oid;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Classes of the object store.
pub const CLASS_SCHEMA: u16 = 1;
/// Tables, views, sequences, indexes: they share a namespace.
pub const CLASS_RELATION: u16 = 2;
/// Enums, domains, composite types.
pub const CLASS_TYPE: u16 = 3;
/// Comments; the name is `object/column`.
pub const CLASS_COMMENT: u16 = 4;
/// Extensions, as a name only.
pub const CLASS_EXTENSION: u16 = 5;

/// A session's view of the catalog at one catalog version.
#[derive(Default)]
pub struct Catalog {
    /// The engine's version that it was read at.
    pub version: u64,
    schemas: BTreeMap<Arc<str>, Arc<Schema>>,
    relations: BTreeMap<(Oid, Arc<str>), Relation>,
    by_oid: BTreeMap<Oid, Relation>,
    types: BTreeMap<(Oid, Arc<str>), Arc<UserType>>,
    types_by_oid: BTreeMap<Oid, Arc<UserType>>,
    row_types: BTreeMap<Oid, Oid>,
    referencing: BTreeMap<Oid, Vec<(Arc<Table>, usize)>>,
    comments: Vec<Comment>,
    extensions: Vec<Arc<str>>,
}

impl Catalog {
    /// Reads the session's view.
    pub fn read(session: &Session) -> Self {
        let mut catalog = Self { version: session.catalog_version(), ..Self::default() };
        for (oid, name) in
            [(PG_CATALOG, "pg_catalog"), (PUBLIC, "public"), (INFORMATION_SCHEMA, "information_schema")]
        {
            let name: Arc<str> = name.into();
            catalog.schemas.insert(name.clone(), Arc::new(Schema { oid, name }));
        }
        for (key, object) in session.objects(CLASS_SCHEMA, None) {
            match object.downcast::<Option<Schema>>() {
                Ok(schema) => match &*schema {
                    Some(schema) => drop(catalog.schemas.insert(key.name, Arc::new(schema.clone()))),
                    None => drop(catalog.schemas.remove(&key.name)),
                },
                Err(_) => debug_assert!(false, "a schema is stored as a schema"),
            }
        }
        for (key, object) in session.objects(CLASS_RELATION, None) {
            let Ok(relation) = object.downcast::<Relation>() else { continue };
            let relation = (*relation).clone();
            match &relation {
                Relation::Table(table) => {
                    catalog.row_types.insert(table.row_type, table.oid);
                    for (at, foreign_key) in table.foreign_keys.iter().enumerate() {
                        catalog.referencing.entry(foreign_key.target).or_default().push((table.clone(), at));
                    }
                }
                Relation::View(view) => drop(catalog.row_types.insert(view.row_type, view.oid)),
                _ => {}
            }
            catalog.by_oid.insert(relation.oid(), relation.clone());
            catalog.relations.insert((key.namespace, key.name), relation);
        }
        for (key, object) in session.objects(CLASS_TYPE, None) {
            let Ok(user_type) = object.downcast::<UserType>() else { continue };
            catalog.types_by_oid.insert(user_type.oid, user_type.clone());
            catalog.types_by_oid.insert(user_type.array, user_type.clone());
            catalog.types.insert((key.namespace, key.name), user_type);
        }
        for (_, object) in session.objects(CLASS_COMMENT, None) {
            if let Ok(comment) = object.downcast::<Comment>() {
                catalog.comments.push((*comment).clone());
            }
        }
        catalog.extensions =
            session.objects(CLASS_EXTENSION, None).into_iter().map(|(key, _)| key.name).collect();
        catalog
    }

    /// The schemas by name.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.schemas.values()
    }

    /// A schema.
    pub fn schema(&self, name: &str) -> Option<&Arc<Schema>> {
        self.schemas.get(name)
    }

    /// Name of a schema.
    pub fn schema_name(&self, oid: Oid) -> Option<&Arc<str>> {
        self.schemas.values().find(|schema| schema.oid == oid).map(|schema| &schema.name)
    }

    /// A relation of a schema.
    pub fn relation(&self, schema: Oid, name: &str) -> Option<&Relation> {
        self.relations.get(&(schema, Arc::from(name)))
    }

    /// A relation by identifier.
    pub fn relation_by_oid(&self, oid: Oid) -> Option<&Relation> {
        self.by_oid.get(&oid)
    }

    /// A table by identifier.
    pub fn table(&self, oid: Oid) -> Option<&Arc<Table>> {
        match self.by_oid.get(&oid) {
            Some(Relation::Table(table)) => Some(table),
            _ => None,
        }
    }

    /// A sequence by identifier.
    pub fn sequence(&self, oid: Oid) -> Option<&Arc<Sequence>> {
        match self.by_oid.get(&oid) {
            Some(Relation::Sequence(sequence)) => Some(sequence),
            _ => None,
        }
    }

    /// Every relation, by identifier.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.by_oid.values()
    }

    /// Every user type, by schema and name.
    pub fn types(&self) -> impl Iterator<Item = &Arc<UserType>> {
        self.types.values()
    }

    /// A user type of a schema.
    pub fn user_type(&self, schema: Oid, name: &str) -> Option<&Arc<UserType>> {
        self.types.get(&(schema, Arc::from(name)))
    }

    /// A user type by its identifier or its array's.
    pub fn type_by_oid(&self, oid: Oid) -> Option<&Arc<UserType>> {
        self.types_by_oid.get(&oid)
    }

    /// The relation whose row type this is.
    pub fn row_type_relation(&self, oid: Oid) -> Option<&Relation> {
        self.row_types.get(&oid).and_then(|relation| self.by_oid.get(relation))
    }

    /// The foreign keys that point to a table: the table that has it, its place there.
    pub fn referencing(&self, target: Oid) -> &[(Arc<Table>, usize)] {
        self.referencing.get(&target).map_or(&[], Vec::as_slice)
    }

    /// Comments.
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// Names of extensions.
    pub fn extensions(&self) -> &[Arc<str>] {
        &self.extensions
    }
}

fn relation_key(relation: &Relation) -> ObjectKey {
    ObjectKey { class: CLASS_RELATION, namespace: relation.schema(), name: relation.name().clone() }
}

/// Stores a relation under its name.
pub fn put_relation(session: &Session, relation: Relation) {
    session.put_object(relation_key(&relation), Arc::new(relation));
}

/// Takes a relation out.
pub fn remove_relation(session: &Session, relation: &Relation) {
    session.remove_object(&relation_key(relation));
}

/// Stores a type under its name.
pub fn put_type(session: &Session, user_type: UserType) {
    let key = ObjectKey { class: CLASS_TYPE, namespace: user_type.schema, name: user_type.name.clone() };
    session.put_object(key, Arc::new(user_type));
}

/// Takes a type out.
pub fn remove_type(session: &Session, user_type: &UserType) {
    let key = ObjectKey { class: CLASS_TYPE, namespace: user_type.schema, name: user_type.name.clone() };
    session.remove_object(&key);
}

/// Stores a schema; `None` hides a built-in one.
pub fn put_schema(session: &Session, name: Arc<str>, schema: Option<Schema>) {
    session.put_object(ObjectKey { class: CLASS_SCHEMA, namespace: 0, name }, Arc::new(schema));
}
