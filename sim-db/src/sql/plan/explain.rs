//! `EXPLAIN`: a plan's shape, worded as PostgreSQL words it. Costs are not PostgreSQL's.

use super::{Access, JoinKind, Modify, Plan, SetKind};
use crate::value::json::write_string;
use std::sync::Arc;

fn label(plan: &Plan) -> (String, Vec<Arc<Plan>>) {
    match plan {
        Plan::OneRow | Plan::Values(_) => ("Result".to_owned(), Vec::new()),
        Plan::Scan(scan) => {
            let name = if scan.alias == scan.table.name {
                scan.table.name.to_string()
            } else {
                format!("{} {}", scan.table.name, scan.alias)
            };
            let text = match &scan.access {
                Access::Sequential => format!("Seq Scan on {name}"),
                Access::Index { name: index, backward: false, .. } => {
                    format!("Index Scan using {index} on {name}")
                }
                Access::Index { name: index, .. } => format!("Index Scan Backward using {index} on {name}"),
                Access::Keys { name: index, .. } => format!("Index Scan using {index} on {name}"),
                Access::Place(_) => format!("Tid Scan on {name}"),
            };
            (text, Vec::new())
        }
        Plan::System(table, _) => (format!("Seq Scan on {}", table.name), Vec::new()),
        Plan::Function(..) => ("Function Scan".to_owned(), Vec::new()),
        Plan::Cte(_, name) => (format!("CTE Scan on {name}"), Vec::new()),
        Plan::WorkTable(_) => ("WorkTable Scan".to_owned(), Vec::new()),
        Plan::Filter(input, _) | Plan::Project(input, _) => label(input),
        Plan::ProjectSet(input, ..) => ("ProjectSet".to_owned(), vec![input.clone()]),
        Plan::Join(join) => {
            let method = if join.hash.is_some() { "Hash" } else { "Nested Loop" };
            let kind = match join.kind {
                JoinKind::Inner => "",
                JoinKind::Left => " Left",
                JoinKind::Right => " Right",
                JoinKind::Full => " Full",
            };
            let suffix = if join.hash.is_some() || join.kind != JoinKind::Inner { " Join" } else { "" };
            (format!("{method}{kind}{suffix}"), vec![join.left.clone(), join.right.clone()])
        }
        Plan::Sort(input, _) => ("Sort".to_owned(), vec![input.clone()]),
        Plan::Limit(input, ..) => ("Limit".to_owned(), vec![input.clone()]),
        Plan::LockRows(input, ..) => ("LockRows".to_owned(), vec![input.clone()]),
        Plan::Aggregate(aggregation) => {
            let name = if aggregation.scalar { "Aggregate" } else { "HashAggregate" };
            (name.to_owned(), vec![aggregation.input.clone()])
        }
        Plan::Window(input, ..) => ("WindowAgg".to_owned(), vec![input.clone()]),
        Plan::Distinct(input) => ("HashAggregate".to_owned(), vec![input.clone()]),
        Plan::DistinctOn(input, _) => ("Unique".to_owned(), vec![input.clone()]),
        Plan::SetOperation(kind, all, left, right) => {
            let name = match (kind, all) {
                (SetKind::Union, true) => "Append",
                (SetKind::Union, false) => "HashAggregate",
                (SetKind::Intersect, _) => "HashSetOp Intersect",
                (SetKind::Except, _) => "HashSetOp Except",
            };
            (name.to_owned(), vec![left.clone(), right.clone()])
        }
        Plan::Recursive(_, start, step, _) => {
            ("Recursive Union".to_owned(), vec![start.clone(), step.clone()])
        }
        Plan::With(_, body) => label(body),
        Plan::Modify(modify) => {
            let (verb, source) = match &**modify {
                Modify::Insert { source, .. } => ("Insert", source),
                Modify::Update { source, .. } => ("Update", source),
                Modify::Delete { source, .. } => ("Delete", source),
            };
            (format!("{verb} on {}", modify.table().name), vec![source.clone()])
        }
    }
}

fn lines(plan: &Plan, depth: usize, costs: bool, out: &mut Vec<String>) {
    let (name, children) = label(plan);
    let cost = if costs { "  (cost=0.00..0.00 rows=1 width=0)" } else { "" };
    let lead = if depth == 0 { String::new() } else { format!("{}->  ", " ".repeat(depth * 6 - 4)) };
    out.push(format!("{lead}{name}{cost}"));
    for child in children {
        lines(&child, depth + 1, costs, out);
    }
}

/// The plan as lines of text.
pub fn text(plan: &Plan, costs: bool) -> Vec<String> {
    let mut out = Vec::new();
    lines(plan, 0, costs, &mut out);
    out
}

fn object(plan: &Plan, out: &mut String) {
    let (name, children) = label(plan);
    let node = name.split(" on ").next().unwrap_or(&name);
    out.push_str("{\"Node Type\": ");
    write_string(out, node.split(" using ").next().unwrap_or(node));
    if !children.is_empty() {
        out.push_str(", \"Plans\": [");
        for (at, child) in children.iter().enumerate() {
            if at > 0 {
                out.push_str(", ");
            }
            object(child, out);
        }
        out.push(']');
    }
    out.push('}');
}

/// The plan as JSON.
pub fn json(plan: &Plan) -> String {
    let mut out = String::from("[{\"Plan\": ");
    object(plan, &mut out);
    out.push_str("}]");
    out
}
