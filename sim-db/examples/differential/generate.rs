//! Random schedules: small tables, few rows and keys, so that sessions meet.

use crate::{
    random::Random,
    schedule::{Schedule, Step},
};

/// What a table is like.
struct Table {
    name: String,
    unique: bool,
    parent: Option<String>,
    check: bool,
}

/// The schedule of a seed.
pub fn schedule(seed: u64) -> Schedule {
    let mut random = Random::new(seed);
    let r = &mut random;
    let (tables, setup) = schema(r);
    let sessions = 2 + r.below(3);
    let level = Levels::pick(r);
    let mut scripts: Vec<Vec<String>> = (0..sessions).map(|_| script(r, &tables, level)).collect();
    let mut steps = Vec::new();
    while scripts.iter().any(|script| !script.is_empty()) {
        let session = r.below(sessions);
        // A session goes on for a while now and then, so that whole transactions lie between others' statements.
        for _ in 0..=r.below(2) {
            if !scripts[session].is_empty() {
                steps.push(Step { session, sql: scripts[session].remove(0) });
            }
        }
    }
    let names = tables.into_iter().map(|t| t.name).collect();
    Schedule { setup, sessions, tables: names, steps }
}

/// Which isolation levels a schedule mixes.
#[derive(Clone, Copy)]
enum Levels {
    ReadCommitted,
    RepeatableRead,
    Serializable,
    Mixed,
}

impl Levels {
    fn pick(r: &mut Random) -> Self {
        match r.below(8) {
            0..=2 => Self::ReadCommitted,
            3..=4 => Self::RepeatableRead,
            5 => Self::Serializable,
            _ => Self::Mixed,
        }
    }

    fn begin(self, r: &mut Random) -> String {
        let level = match self {
            Self::ReadCommitted => 0,
            Self::RepeatableRead => 1,
            Self::Serializable => 2,
            Self::Mixed => r.below(3),
        };
        let level = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"][level];
        let mode = match r.below(24) {
            0..=1 => ", READ ONLY",
            2 if level == "SERIALIZABLE" => ", READ ONLY, DEFERRABLE",
            _ => "",
        };
        format!("BEGIN ISOLATION LEVEL {level}{mode}")
    }
}

fn schema(r: &mut Random) -> (Vec<Table>, Vec<String>) {
    let mut tables: Vec<Table> = Vec::new();
    let mut setup = Vec::new();
    for i in 0..=r.below(2) {
        let name = format!("t{i}");
        let unique = r.chance(1, 2);
        let parent = (i > 0 && r.chance(2, 3)).then(|| format!("t{}", i - 1));
        let check = r.chance(1, 6);
        let mut columns = vec![
            "id int PRIMARY KEY".to_owned(),
            format!("k int{}", if unique { " UNIQUE" } else { "" }),
            format!("v int NOT NULL DEFAULT 0{}", if check { " CHECK (v < 60)" } else { "" }),
        ];
        if unique && r.chance(1, 6) {
            "k int UNIQUE DEFERRABLE INITIALLY DEFERRED".clone_into(&mut columns[1]);
        }
        if let Some(parent) = &parent {
            let delete = r.pick(&["", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON DELETE RESTRICT"]);
            let update = r.pick(&["", " ON UPDATE CASCADE"]);
            let deferred = r.pick(&["", "", " DEFERRABLE INITIALLY DEFERRED"]);
            columns.push(format!("p int REFERENCES {parent} (id){delete}{update}{deferred}"));
        }
        setup.push(format!("CREATE TABLE {name} ({})", columns.join(", ")));
        if r.chance(1, 3) {
            let index = r.pick(&["(v)", "(k, v)", "(v) WHERE v > 20", "((v + k))"]);
            setup.push(format!("CREATE INDEX ON {name} {index}"));
        }
        if r.chance(1, 8) {
            let index = r.pick(&["(k) WHERE v = 0", "((k / 20)) WHERE k > 30", "(k, v)"]);
            setup.push(format!("CREATE UNIQUE INDEX {name}_u ON {name} {index}"));
        }
        let rows: Vec<String> = (1..=2 + r.below(4))
            .map(|id| {
                let parent = if parent.is_some() { format!(", {}", 1 + r.below(2)) } else { String::new() };
                format!("({id}, {}, {}{parent})", id * 10, r.below(5) * 10)
            })
            .collect();
        setup.push(format!("INSERT INTO {name} VALUES {}", rows.join(", ")));
        tables.push(Table { name, unique, parent, check });
    }
    setup.push("CREATE SEQUENCE s".to_owned());
    (tables, setup)
}

/// Everything one session sends.
fn script(r: &mut Random, tables: &[Table], level: Levels) -> Vec<String> {
    let mut script = Vec::new();
    for _ in 0..=r.below(2) {
        if r.chance(1, 4) {
            script.push(statement(r, tables));
            continue;
        }
        script.push(level.begin(r));
        for _ in 0..1 + r.below(4) {
            script.push(statement(r, tables));
        }
        if r.chance(1, 5) {
            script.push("SAVEPOINT a".to_owned());
            script.push(statement(r, tables));
            let end = r.pick(&["ROLLBACK TO a", "RELEASE a", "ROLLBACK TO a; RELEASE a"]);
            script.push(end.to_owned());
            script.push(statement(r, tables));
        }
        script.push(r.pick(&["COMMIT", "COMMIT", "COMMIT", "COMMIT", "ROLLBACK"]).to_owned());
    }
    script
}

fn statement(r: &mut Random, tables: &[Table]) -> String {
    let table = &tables[r.below(tables.len())];
    let name = &table.name;
    match r.below(38) {
        0..=3 => {
            let condition = condition(r, table);
            format!("SELECT * FROM {name} WHERE {condition}")
        }
        4 => format!("SELECT count(*), sum(v), min(k) FROM {name} WHERE {}", condition(r, table)),
        5..=7 => select_for(r, table),
        8..=12 => update(r, table),
        13..=14 => format!("DELETE FROM {name} WHERE {} RETURNING id", condition(r, table)),
        15..=18 => insert(r, table),
        19 => {
            let update = update(r, table);
            format!("WITH w AS ({update} RETURNING id, v) SELECT sum(v) FROM w")
        }
        20 => match &table.parent {
            Some(parent) => {
                format!("SELECT c.id, q.v FROM {name} c JOIN {parent} q ON q.id = c.p WHERE {}", {
                    let value = value(r);
                    format!("q.v <> {value}")
                })
            }
            None => format!("SELECT nextval('s') AS n, count(*) FROM {name}"),
        },
        21 => match &table.parent {
            Some(parent) => format!(
                "UPDATE {name} SET v = q.v + 1 FROM {parent} q WHERE q.id = {name}.p AND {name}.id = {}",
                id(r)
            ),
            None => format!("UPDATE {name} SET v = (SELECT max(v) FROM {name}) + 1 WHERE id = {}", id(r)),
        },
        22 => {
            let function = r.pick(&[
                "pg_advisory_xact_lock",
                "pg_advisory_xact_lock_shared",
                "pg_try_advisory_xact_lock",
            ]);
            format!("SELECT {function}({})", r.below(2))
        }
        23 => {
            let mode = r.pick(&[
                "ROW SHARE",
                "ROW EXCLUSIVE",
                "SHARE",
                "SHARE ROW EXCLUSIVE",
                "EXCLUSIVE",
                "ACCESS EXCLUSIVE",
            ]);
            let wait = r.pick(&["", " NOWAIT"]);
            format!("LOCK TABLE {name} IN {mode} MODE{wait}")
        }
        24 => r
            .pick(&["SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED", "SELECT nextval('s')"])
            .to_owned(),
        26 => format!(
            "INSERT INTO {name} (id, k, v) SELECT {0}, {1}, {2} WHERE NOT EXISTS (SELECT 1 FROM {name} WHERE {3})",
            6 + r.below(3),
            key(r),
            value(r),
            condition(r, table)
        ),
        27..=28 => format!(
            "UPDATE {name} SET v = v + 1 WHERE id = (SELECT id FROM {name} WHERE {} ORDER BY id LIMIT 1 FOR \
             UPDATE{}) RETURNING id, v",
            condition(r, table),
            r.pick(&["", " SKIP LOCKED"])
        ),
        29 => format!(
            "DELETE FROM {name} WHERE id IN (SELECT id FROM {name} WHERE {} FOR UPDATE SKIP LOCKED) RETURNING id",
            condition(r, table)
        ),
        30 => match &table.parent {
            Some(parent) => format!(
                "SELECT c.id, q.id AS q FROM {name} c JOIN {parent} q ON q.id = c.p WHERE c.id = {} FOR {} OF {}",
                id(r),
                r.pick(&["UPDATE", "SHARE", "NO KEY UPDATE"]),
                r.pick(&["c", "q"])
            ),
            None => format!("SELECT id FROM {name} WHERE v = (SELECT max(v) FROM {name}) FOR UPDATE"),
        },
        31 => format!("TRUNCATE {name}{}", if r.chance(1, 2) { " CASCADE" } else { "" }),
        32 => format!("ALTER TABLE {name} ADD COLUMN IF NOT EXISTS x int DEFAULT 7"),
        33 => format!("CREATE INDEX IF NOT EXISTS {name}_x ON {name} (v, id)"),
        34 => format!(
            "INSERT INTO {name} (id, k, v) VALUES ({0}, {1}, 1), ({2}, {3}, 2) RETURNING id",
            { id(r) },
            key(r),
            6 + r.below(3),
            key(r)
        ),
        35 => format!("UPDATE {name} SET id = id + {} WHERE {}", 1 + r.below(2), condition(r, table)),
        36 => format!(
            "WITH d AS (DELETE FROM {name} WHERE {} RETURNING *) SELECT count(*), sum(v) FROM d",
            condition(r, table)
        ),
        37 => r
            .pick(&[
                "SELECT pg_advisory_lock(7)",
                "SELECT pg_advisory_unlock(7)",
                "SELECT pg_advisory_unlock_all()",
                "SELECT pg_try_advisory_lock_shared(7)",
            ])
            .to_owned(),
        _ => {
            let first = statement_pair(r, table);
            format!("{first}; SELECT id, v FROM {name} WHERE id = {}", id(r))
        }
    }
}

fn statement_pair(r: &mut Random, table: &Table) -> String {
    if r.chance(1, 2) { update(r, table) } else { insert(r, table) }
}

fn id(r: &mut Random) -> usize {
    if r.chance(1, 2) { 1 } else { 1 + r.below(4) }
}

fn key(r: &mut Random) -> usize {
    id(r) * 10
}

fn value(r: &mut Random) -> usize {
    r.below(6) * 10
}

fn condition(r: &mut Random, table: &Table) -> String {
    match r.below(10) {
        0..=4 => format!("id = {}", id(r)),
        5 => format!("id IN ({}, {})", id(r), id(r)),
        6 => format!("v >= {}", value(r)),
        7 => format!("k = {}", key(r)),
        8 if table.parent.is_some() => format!("p = {}", id(r)),
        8 => format!("v = {}", value(r)),
        _ => "true".to_owned(),
    }
}

fn select_for(r: &mut Random, table: &Table) -> String {
    let mode = r.pick(&["UPDATE", "UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"]);
    let wait = r.pick(&["", "", "", " NOWAIT", " SKIP LOCKED"]);
    let limit = if r.chance(1, 5) { " ORDER BY id LIMIT 1" } else { "" };
    format!("SELECT id, v FROM {} WHERE {}{limit} FOR {mode}{wait}", table.name, condition(r, table))
}

fn update(r: &mut Random, table: &Table) -> String {
    let set = match r.below(10) {
        0..=4 => "v = v + 1".to_owned(),
        5 => format!("v = {}", value(r)),
        6 => format!("k = {}", key(r)),
        7 if table.parent.is_some() => format!("p = {}", id(r)),
        7 => "v = v + 10, k = k".to_owned(),
        8 => format!("id = {}", id(r)),
        _ => format!("v = v + {}", if table.check { 25 } else { 5 }),
    };
    format!("UPDATE {} SET {set} WHERE {}", table.name, condition(r, table))
}

fn insert(r: &mut Random, table: &Table) -> String {
    let name = &table.name;
    let id = if r.chance(1, 2) { id(r) } else { 6 + r.below(3) };
    let parent = if table.parent.is_some() { format!(", {}", 1 + r.below(7)) } else { String::new() };
    let values = format!("INSERT INTO {name} VALUES ({id}, {}, {}{parent})", key(r), value(r));
    let target = if table.unique && r.chance(1, 3) { "(k)" } else { "(id)" };
    match r.below(6) {
        0..=2 => values,
        3 => format!("{values} ON CONFLICT DO NOTHING"),
        4 => format!("{values} ON CONFLICT {target} DO UPDATE SET v = {name}.v + 1"),
        _ => format!(
            "{values} ON CONFLICT {target} DO UPDATE SET v = EXCLUDED.v WHERE {name}.v < 30 RETURNING id, v"
        ),
    }
}
