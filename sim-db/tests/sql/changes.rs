use super::{Database, check};

#[test]
fn conflicts_do_nothing_or_update() {
    check(&[
        ("CREATE TABLE k (k text PRIMARY KEY, n int NOT NULL DEFAULT 1, u int)", "CREATE TABLE"),
        ("INSERT INTO k (k) VALUES ('a'), ('b')", "INSERT 0 2"),
        ("INSERT INTO k (k) VALUES ('a'), ('c') ON CONFLICT DO NOTHING RETURNING k", "c"),
        (
            "INSERT INTO k AS t (k) VALUES ('a') ON CONFLICT (k) DO UPDATE SET n = t.n + excluded.n WHERE t.n < 5 RETURNING n",
            "2",
        ),
        (
            "INSERT INTO k (k) VALUES ('z'), ('z') ON CONFLICT (k) DO UPDATE SET n = 0",
            "21000: ON CONFLICT DO UPDATE command cannot affect row a second time",
        ),
        (
            "INSERT INTO k (k) VALUES ('z') ON CONFLICT (n) DO NOTHING",
            "42P10: there is no unique or exclusion constraint matching the ON CONFLICT specification",
        ),
        ("CREATE UNIQUE INDEX ku ON k (lower(k)) WHERE n > 1", "CREATE INDEX"),
        (
            "INSERT INTO k (k, n) VALUES ('A', 2) ON CONFLICT (lower(k)) WHERE n > 1 DO UPDATE SET n = 9 RETURNING k, n",
            "a|9",
        ),
    ]);
}

#[test]
fn updates_join_and_return() {
    check(&[
        ("CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (a_id int, v int)", "CREATE TABLE"),
        ("INSERT INTO a VALUES (1, 10), (2, 20); INSERT INTO b VALUES (1, 5), (3, 7)", "INSERT 0 2"),
        ("UPDATE a SET n = n + v FROM b WHERE b.a_id = a.id RETURNING a.id, n, v", "1|15|5"),
        ("UPDATE a SET (n, id) = (SELECT 1, 7) WHERE id = 2 RETURNING *", "7|1"),
        ("UPDATE a SET id = id + 1 WHERE n = 15 OR n = 1", "UPDATE 2"),
        ("DELETE FROM a USING b WHERE a.n = b.v + 10 RETURNING a.id", "2"),
        ("UPDATE a SET zz = 1", "42703: column \"zz\" of relation \"a\" does not exist"),
        ("UPDATE a SET n = 1, n = 2", "42601: multiple assignments to same column \"n\""),
    ]);
}

#[test]
fn unique_checks_are_made_row_by_row() {
    check(&[
        ("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)", "INSERT 0 3"),
        ("UPDATE t SET id = id + 1", "23505: duplicate key value violates unique constraint \"t_pkey\""),
        ("CREATE TABLE d (id int UNIQUE DEFERRABLE); INSERT INTO d VALUES (1), (2), (3)", "INSERT 0 3"),
        ("UPDATE d SET id = id + 1", "UPDATE 3"),
    ]);
}

#[test]
fn foreign_keys_act() {
    check(&[
        ("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2), (3)", "INSERT 0 3"),
        (
            "CREATE TABLE c (a int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE, b int REFERENCES p ON DELETE SET NULL, d int DEFAULT 3 REFERENCES p ON DELETE SET DEFAULT, e int REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
            "CREATE TABLE",
        ),
        ("INSERT INTO c VALUES (1, 2, 2, NULL)", "INSERT 0 1"),
        (
            "INSERT INTO c (a) VALUES (9)",
            "23503: insert or update on table \"c\" violates foreign key constraint \"c_a_fkey\"",
        ),
        ("DELETE FROM p WHERE id = 2", "DELETE 1"),
        ("UPDATE p SET id = 5 WHERE id = 1", "UPDATE 1"),
        ("SELECT * FROM c", "5|∅|3|∅"),
        (
            "BEGIN; INSERT INTO c (e) VALUES (8); COMMIT",
            "23503: insert or update on table \"c\" violates foreign key constraint \"c_e_fkey\"",
        ),
        ("BEGIN; INSERT INTO c (e) VALUES (8); INSERT INTO p VALUES (8); COMMIT", "COMMIT"),
        ("DELETE FROM p WHERE id = 5; SELECT count(*) FROM c WHERE a IS NOT NULL", "0"),
    ]);
}

#[test]
fn a_waiting_update_works_on_the_newest_row() {
    let mut one = Database::new();
    one.run("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1)");
    let mut two = one.another();
    one.run("BEGIN; UPDATE t SET n = n + 1");
    assert_eq!(two.run("SELECT n FROM t"), "1");
    assert_eq!(
        two.run("SELECT n FROM t FOR UPDATE NOWAIT"),
        "55P03: could not obtain lock on row in relation \"t\""
    );
    assert_eq!(two.run("SELECT n FROM t FOR UPDATE SKIP LOCKED"), "");
    one.run("COMMIT");
    assert_eq!(two.run("UPDATE t SET n = n + 1 RETURNING n"), "3");
}
