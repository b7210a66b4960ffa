//! The names of output columns.

use super::types::fold;
use sqlparser::ast::{self, AccessExpr, Expr, FunctionArguments, SelectItem, SetExpr};

/// A name, and whether it is a strong one (a column's or function's rather than a construct's).
fn name(expr: &Expr) -> Option<(String, bool)> {
    let strong = |text: &str| Some((text.to_owned(), true));
    let weak = |text: &str| Some((text.to_owned(), false));
    match expr {
        Expr::Identifier(ident) => Some((fold(ident), true)),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| (fold(ident), true)),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(ident)) => Some((fold(ident), true)),
                _ => None,
            });
            field.or_else(|| name(root))
        }
        Expr::Function(function) => {
            let ident = super::types::idents(&function.name).ok()?;
            let last = fold(ident.last()?);
            if last == "array" && matches!(function.args, FunctionArguments::Subquery(_)) {
                return strong("array");
            }
            match last.as_str() {
                "coalesce" | "greatest" | "least" | "row" | "grouping" | "nullif" => strong(&last),
                "char_length" | "character_length" => strong(&last),
                _ => Some((last, true)),
            }
        }
        Expr::Cast { expr, data_type, .. } => match name(expr) {
            Some((inner, true)) => Some((inner, true)),
            _ => Some((type_name(data_type), false)),
        },
        Expr::TypedString(typed) => Some((type_name(&typed.data_type), false)),
        Expr::Interval(_) => weak("interval"),
        Expr::Nested(inner) => name(inner),
        Expr::Collate { expr, .. } => name(expr),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(name) {
            Some((inner, true)) => Some((inner, true)),
            _ => weak("case"),
        },
        Expr::Array(_) => strong("array"),
        Expr::Tuple(_) => strong("row"),
        Expr::Exists { negated: false, .. } => strong("exists"),
        Expr::Subquery(query) => query_name(&query.body).map(|name| (name, true)),
        Expr::Extract { .. } => strong("extract"),
        Expr::Position { .. } => strong("position"),
        Expr::Substring { shorthand: true, .. } => strong("substr"),
        Expr::Substring { .. } => strong("substring"),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::Trim { trim_where, .. } => strong(match trim_where {
            Some(ast::TrimWhereField::Leading) => "ltrim",
            Some(ast::TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Value(value) => match value.value {
            ast::Value::Boolean(_) => weak("bool"),
            _ => None,
        },
        _ => None,
    }
}

fn query_name(body: &SetExpr) -> Option<String> {
    match body {
        SetExpr::Select(select) => match select.projection.first()? {
            SelectItem::UnnamedExpr(expr) => name(expr).map(|(name, _)| name),
            SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
            _ => None,
        },
        SetExpr::Query(query) => query_name(&query.body),
        SetExpr::SetOperation { left, .. } => query_name(left),
        SetExpr::Values(_) => Some("column1".to_owned()),
        _ => None,
    }
}

/// `typname` of a type as written.
fn type_name(data_type: &ast::DataType) -> String {
    use ast::DataType as T;
    match data_type {
        T::Bool | T::Boolean => "bool".to_owned(),
        T::SmallInt(_) | T::Int2(_) => "int2".to_owned(),
        T::Int(_) | T::Integer(_) | T::Int4(_) => "int4".to_owned(),
        T::BigInt(_) | T::Int8(_) => "int8".to_owned(),
        T::Real | T::Float4 => "float4".to_owned(),
        T::DoublePrecision | T::Float8 | T::Float(_) => "float8".to_owned(),
        T::Numeric(_) | T::Decimal(_) | T::Dec(_) => "numeric".to_owned(),
        T::Varchar(_) | T::CharacterVarying(_) | T::CharVarying(_) => "varchar".to_owned(),
        T::Char(_) | T::Character(_) => "bpchar".to_owned(),
        T::Time(_, ast::TimezoneInfo::WithTimeZone | ast::TimezoneInfo::Tz) => "timetz".to_owned(),
        T::Time(..) => "time".to_owned(),
        T::Timestamp(_, ast::TimezoneInfo::WithTimeZone | ast::TimezoneInfo::Tz) => "timestamptz".to_owned(),
        T::Timestamp(..) => "timestamp".to_owned(),
        T::Interval { .. } => "interval".to_owned(),
        T::Custom(name, _) => match name.0.last() {
            Some(ast::ObjectNamePart::Identifier(ident)) => fold(ident),
            _ => "?column?".to_owned(),
        },
        T::Array(
            ast::ArrayElemTypeDef::SquareBracket(element, _)
            | ast::ArrayElemTypeDef::AngleBracket(element)
            | ast::ArrayElemTypeDef::Parenthesis(element),
        ) => type_name(element),
        other => other.to_string().to_lowercase(),
    }
}

/// The name that an expression's column gets without an alias.
pub fn column_name(expr: &Expr) -> String {
    name(expr).map_or_else(|| "?column?".to_owned(), |(name, _)| name)
}
