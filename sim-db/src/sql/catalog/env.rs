//! The names a statement sees: the catalog through a search path, with the settings of text formats.

use super::object::*;
use super::store::Catalog;
use super::system;
use super::{INFORMATION_SCHEMA, PG_CATALOG};
use crate::error::Result;
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::sql::function;
use crate::value::text::{TextContext, TextStyle, TypeCatalog, TypeKind};
use crate::value::{DataType, EnumValue, Oid, Value, oid, types};
use std::sync::Arc;

/// Catalog, search path and text style of a statement. Shared by plans; holds no session, so that an index may keep it.
#[derive(Clone)]
pub struct Env {
    /// Catalog.
    pub catalog: Arc<Catalog>,
    /// Schemas searched, `pg_catalog` included.
    pub path: Arc<[Oid]>,
    /// Where `CREATE` puts things.
    pub create_in: Option<Oid>,
    /// Text formats.
    pub style: Arc<TextStyle>,
}

/// A relation found by name: the user's, or a system table.
#[derive(Clone)]
pub enum Found {
    /// The user's.
    User(Relation),
    /// A virtual table of the catalog.
    System(&'static system::SystemTable),
}

impl Env {
    /// As the formats want it.
    pub fn text(&self) -> TextContext<'_> {
        TextContext::new(&self.style, self)
    }

    /// The schema of a name.
    ///
    /// # Errors
    ///
    /// 3F000 when there is none.
    pub fn schema(&self, name: &str) -> Result<Oid> {
        self.catalog
            .schema(name)
            .map(|schema| schema.oid)
            .ok_or_else(|| error(b"3F000", format!("schema \"{name}\" does not exist")))
    }

    /// Looks a relation up; `None` when there is none (a missing schema included).
    pub fn find_relation(&self, schema: Option<&str>, name: &str) -> Option<Found> {
        let in_schema = |schema: Oid| -> Option<Found> {
            if schema == PG_CATALOG || schema == INFORMATION_SCHEMA {
                return system::find(schema, name).map(Found::System);
            }
            self.catalog.relation(schema, name).cloned().map(Found::User)
        };
        match schema {
            Some(schema) => in_schema(self.catalog.schema(schema)?.oid),
            None => self.path.iter().find_map(|schema| in_schema(*schema)),
        }
    }

    /// Looks a type up by name.
    pub fn find_type(&self, schema: Option<&str>, name: &str) -> Option<Oid> {
        let in_schema = |schema: Oid| -> Option<Oid> {
            if schema == PG_CATALOG {
                return types::by_name(name);
            }
            if let Some(user_type) = self.catalog.user_type(schema, name) {
                return Some(user_type.oid);
            }
            if let Some(element) = name.strip_prefix('_')
                && let Some(user_type) = self.catalog.user_type(schema, element)
            {
                return Some(user_type.array);
            }
            match self.catalog.relation(schema, name) {
                Some(Relation::Table(table)) => Some(table.row_type),
                Some(Relation::View(view)) => Some(view.row_type),
                _ => None,
            }
        };
        match schema {
            Some(schema) => in_schema(self.catalog.schema(schema)?.oid),
            None => self.path.iter().find_map(|schema| in_schema(*schema)),
        }
    }

    /// The array type of a type; `None` for pseudo-types.
    pub fn array_of(&self, element: Oid) -> Option<Oid> {
        types::array_of(element)
            .or_else(|| self.catalog.type_by_oid(element).filter(|t| t.oid == element).map(|t| t.array))
    }

    /// The element type of an array type.
    pub fn element_of(&self, array: Oid) -> Option<Oid> {
        types::element_of(array)
            .or_else(|| self.catalog.type_by_oid(array).filter(|t| t.array == array).map(|t| t.oid))
    }

    /// The type under a domain (repeatedly), or the type itself.
    pub fn base_type(&self, data_type: DataType) -> DataType {
        match self.kind(data_type.oid) {
            Some(TypeKind::Domain(base)) => self.base_type(base),
            _ => data_type,
        }
    }

    /// `typcategory`, of the base type for a domain.
    pub fn category(&self, type_oid: Oid) -> char {
        if let Some(info) = types::info(type_oid) {
            return info.category;
        }
        match self.kind(type_oid) {
            Some(TypeKind::Enum) => 'E',
            Some(TypeKind::Array(_)) => 'A',
            Some(TypeKind::Composite(_)) => 'C',
            Some(TypeKind::Domain(base)) => self.category(base.oid),
            _ => 'U',
        }
    }

    /// `typlen`.
    pub fn type_length(&self, type_oid: Oid) -> i16 {
        if let Some(info) = types::info(type_oid) {
            return info.length;
        }
        match self.kind(type_oid) {
            Some(TypeKind::Enum) => 4,
            Some(TypeKind::Domain(base)) => self.type_length(base.oid),
            _ => -1,
        }
    }

    /// Name with modifier, as `format_type` gives it.
    pub fn display_type(&self, data_type: DataType) -> String {
        let modifier = crate::value::typmod::display(data_type);
        let name = self.type_name(data_type.oid);
        match name.split_once(" with") {
            // The precision stands after the first word: timestamp(3) with time zone.
            Some((head, tail)) if !modifier.is_empty() => format!("{head}{modifier} with{tail}"),
            _ => match name.strip_suffix("[]") {
                Some(element) if !modifier.is_empty() => format!("{element}{modifier}[]"),
                _ => format!("{name}{modifier}"),
            },
        }
    }

    fn qualify(&self, schema: Oid, name: &str, visible: bool) -> String {
        let quoted = quote_identifier(name);
        if visible {
            return quoted;
        }
        match self.catalog.schema_name(schema) {
            Some(schema) => format!("{}.{quoted}", quote_identifier(schema)),
            None => quoted,
        }
    }

    /// Name of a relation, with its schema if the search path does not lead to it.
    pub fn relation_name(&self, oid: Oid) -> Option<String> {
        if let Some(table) = system::by_oid(oid) {
            let name = quote_identifier(table.name);
            return Some(if table.schema == PG_CATALOG {
                name
            } else {
                format!("information_schema.{name}")
            });
        }
        let relation = self.catalog.relation_by_oid(oid)?;
        let visible = matches!(self.find_relation(None, relation.name()), Some(Found::User(found)) if found.oid() == oid);
        Some(self.qualify(relation.schema(), relation.name(), visible))
    }

    /// Splits `schema.name` as identifiers, folding and unquoting.
    pub fn split_name(text: &str) -> Option<Vec<String>> {
        let mut parts = vec![String::new()];
        let mut quoted = false;
        let mut chars = text.trim().chars().peekable();
        while let Some(c) = chars.next() {
            let last = parts.last_mut().expect("starts with one part");
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    last.push('"');
                }
                '"' => quoted = !quoted,
                '.' if !quoted => parts.push(String::new()),
                c if quoted => last.push(c),
                c if c.is_whitespace() => return None,
                c => last.extend(c.to_lowercase()),
            }
        }
        (!quoted && parts.iter().all(|part| !part.is_empty())).then_some(parts)
    }

    /// The type that a text names, as `to_regtype` and a cast to `regtype` read it.
    pub fn type_named(&self, text: &str) -> Option<DataType> {
        crate::sql::parse::parse_type(text)
            .ok()
            .and_then(|ast| crate::sql::bind::types::resolve(&ast, self).ok())
    }
}

/// Quotes an identifier where it must be.
pub fn quote_identifier(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !is_reserved(name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Words that PostgreSQL does not take as an identifier without quotes.
pub fn is_reserved(name: &str) -> bool {
    const RESERVED: &[&str] = &[
        "all",
        "analyse",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "asymmetric",
        "authorization",
        "between",
        "bigint",
        "binary",
        "bit",
        "boolean",
        "both",
        "case",
        "cast",
        "char",
        "character",
        "check",
        "coalesce",
        "collate",
        "collation",
        "column",
        "concurrently",
        "constraint",
        "create",
        "cross",
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "dec",
        "decimal",
        "default",
        "deferrable",
        "desc",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "exists",
        "extract",
        "false",
        "fetch",
        "float",
        "for",
        "foreign",
        "freeze",
        "from",
        "full",
        "grant",
        "greatest",
        "group",
        "grouping",
        "having",
        "ilike",
        "in",
        "initially",
        "inner",
        "inout",
        "int",
        "integer",
        "intersect",
        "interval",
        "into",
        "is",
        "isnull",
        "join",
        "lateral",
        "leading",
        "least",
        "left",
        "like",
        "limit",
        "localtime",
        "localtimestamp",
        "national",
        "natural",
        "nchar",
        "none",
        "normalize",
        "not",
        "notnull",
        "null",
        "nullif",
        "numeric",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "out",
        "outer",
        "overlaps",
        "overlay",
        "placing",
        "position",
        "precision",
        "primary",
        "real",
        "references",
        "returning",
        "right",
        "row",
        "select",
        "session_user",
        "setof",
        "similar",
        "smallint",
        "some",
        "substring",
        "symmetric",
        "table",
        "tablesample",
        "then",
        "time",
        "timestamp",
        "to",
        "trailing",
        "treat",
        "trim",
        "true",
        "union",
        "unique",
        "user",
        "using",
        "values",
        "varchar",
        "variadic",
        "verbose",
        "when",
        "where",
        "window",
        "with",
    ];
    RESERVED.binary_search(&name).is_ok()
}

impl TypeCatalog for Env {
    fn kind(&self, type_oid: Oid) -> Option<TypeKind> {
        if let Some(info) = types::info(type_oid) {
            return Some(match types::range_subtype(type_oid) {
                Some(subtype) => TypeKind::Range(subtype),
                None if info.element != 0 => TypeKind::Array(info.element),
                None => TypeKind::Base,
            });
        }
        if let Some(user_type) = self.catalog.type_by_oid(type_oid) {
            if user_type.array == type_oid {
                return Some(TypeKind::Array(user_type.oid));
            }
            return Some(match &user_type.body {
                TypeBody::Enum(_) => TypeKind::Enum,
                TypeBody::Domain { base, .. } => TypeKind::Domain(*base),
                TypeBody::Composite(fields) => TypeKind::Composite(fields.iter().map(|(_, t)| *t).collect()),
            });
        }
        match self.catalog.row_type_relation(type_oid)? {
            Relation::Table(table) => {
                Some(TypeKind::Composite(table.live_columns().map(|(_, column)| column.data_type).collect()))
            }
            Relation::View(view) => Some(TypeKind::Composite(view.columns.iter().map(|(_, t)| *t).collect())),
            _ => None,
        }
    }

    fn type_name(&self, type_oid: Oid) -> String {
        if let Some(info) = types::info(type_oid) {
            let vector = matches!(type_oid, oid::INT2VECTOR | oid::OIDVECTOR);
            return if info.element != 0 && !vector {
                format!("{}[]", info.display)
            } else {
                info.display.to_owned()
            };
        }
        if let Some(user_type) = self.catalog.type_by_oid(type_oid) {
            let visible = self.find_type(None, &user_type.name) == Some(user_type.oid);
            let name = self.qualify(user_type.schema, &user_type.name, visible);
            return if user_type.array == type_oid { format!("{name}[]") } else { name };
        }
        match self.catalog.row_type_relation(type_oid) {
            Some(relation) => self.relation_name(relation.oid()).unwrap_or_else(|| "???".to_owned()),
            None => "???".to_owned(),
        }
    }

    fn enum_value(&self, type_oid: Oid, label: &str) -> Option<Arc<EnumValue>> {
        let user_type = self.catalog.type_by_oid(type_oid)?;
        let TypeBody::Enum(labels) = &user_type.body else { return None };
        let (label_oid, order, label) = labels.iter().find(|(_, _, name)| &**name == label)?;
        let (label_oid, order, label) = (*label_oid, *order, label.clone());
        Some(Arc::new(EnumValue { type_oid, label_oid, order, label }))
    }

    fn object_name(&self, kind: Oid, object: Oid) -> Option<String> {
        match kind {
            oid::REGCLASS => self.relation_name(object),
            oid::REGTYPE => self.kind(object).map(|_| self.type_name(object)),
            oid::REGNAMESPACE => self.catalog.schema_name(object).map(|name| quote_identifier(name)),
            oid::REGROLE => (object == super::OWNER).then(|| "postgres".to_owned()),
            oid::REGPROC => system::function_name(object).map(str::to_owned),
            _ => None,
        }
    }

    fn object_named(&self, kind: Oid, name: &str) -> Result<Oid> {
        let parts = Self::split_name(name);
        let (schema, last) = match parts.as_deref() {
            Some([name]) => (None, name.as_str()),
            Some([schema, name]) => (Some(schema.as_str()), name.as_str()),
            _ => (None, name),
        };
        match kind {
            oid::REGCLASS => match self.find_relation(schema, last) {
                Some(Found::User(relation)) => Ok(relation.oid()),
                Some(Found::System(table)) => Ok(table.oid),
                None => Err(error(b"42P01", format!("relation \"{name}\" does not exist"))),
            },
            oid::REGTYPE => match self.type_named(name) {
                Some(data_type) => Ok(data_type.oid),
                None => Err(error(b"42704", format!("type \"{name}\" does not exist"))),
            },
            oid::REGNAMESPACE => self.schema(last),
            oid::REGROLE => Ok(super::OWNER),
            _ if !function::named(last).is_empty() => Ok(system::function_oid(last)),
            _ => Err(error(b"42883", format!("function \"{name}\" does not exist"))),
        }
    }

    fn check_domain(&self, type_oid: Oid, value: &Value) -> Result<()> {
        let Some(user_type) = self.catalog.type_by_oid(type_oid) else { return Ok(()) };
        let TypeBody::Domain { base, not_null, checks, .. } = &user_type.body else { return Ok(()) };
        if value.is_null() && *not_null {
            let message = format!("domain {} does not allow null values", user_type.name);
            return Err(error(b"23502", message));
        }
        if let Some(TypeKind::Domain(_)) = self.kind(base.oid) {
            self.check_domain(base.oid, value)?;
        }
        for (name, check) in checks {
            let env = Arc::new(self.clone());
            let bound = crate::sql::bind::bind_domain_check(&check.ast, *base, &env)?;
            let holds =
                crate::sql::eval::eval(&bound, std::slice::from_ref(value), &mut Exec::detached(env))?;
            if matches!(holds, Value::Bool(false)) {
                let message =
                    format!("value for domain {} violates check constraint \"{name}\"", user_type.name);
                return Err(error(b"23514", message).with_constraint(name));
            }
        }
        Ok(())
    }
}
