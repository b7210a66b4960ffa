use super::check;

#[test]
fn constraints_are_named_as_the_server_names_them() {
    check(&[
        (
            "CREATE TABLE t (id serial PRIMARY KEY, e text UNIQUE, n int CHECK (n > 0), a int, b int, UNIQUE (a, b), CHECK (a < b))",
            "CREATE TABLE",
        ),
        ("SELECT conname FROM pg_constraint ORDER BY 1", "t_a_b_key; t_check; t_e_key; t_n_check; t_pkey"),
        ("SELECT pg_get_serial_sequence('t', 'id')", "public.t_id_seq"),
        (
            "INSERT INTO t (n) VALUES (0)",
            "23514: new row for relation \"t\" violates check constraint \"t_n_check\"",
        ),
    ]);
}

#[test]
fn tables_change_under_their_rows() {
    check(&[
        ("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, 'y')", "INSERT 0 2"),
        ("ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 7, DROP COLUMN a", "ALTER TABLE"),
        ("SELECT * FROM t ORDER BY b", "x|7; y|7"),
        ("ALTER TABLE t ALTER COLUMN c TYPE text USING c || '!'", "ALTER TABLE"),
        ("SELECT c, pg_typeof(c) FROM t LIMIT 1", "7!|text"),
        (
            "ALTER TABLE t RENAME COLUMN b TO bee; ALTER TABLE t RENAME TO u; SELECT bee FROM u ORDER BY 1",
            "x; y",
        ),
        (
            "ALTER TABLE u ADD CONSTRAINT short CHECK (length(bee) < 1)",
            "23514: check constraint \"short\" of relation \"u\" is violated by some row",
        ),
    ]);
}

#[test]
fn definitions_roll_back() {
    check(&[
        ("BEGIN; CREATE TABLE t (a int); INSERT INTO t VALUES (1); ROLLBACK", "ROLLBACK"),
        ("SELECT * FROM t", "42P01: relation \"t\" does not exist"),
        ("CREATE TABLE t (a int)", "CREATE TABLE"),
        ("BEGIN; DROP TABLE t; ROLLBACK; SELECT count(*) FROM t", "0"),
    ]);
}

#[test]
fn what_others_depend_on_stays() {
    check(&[
        (
            "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p); CREATE VIEW v AS SELECT * FROM c",
            "CREATE VIEW",
        ),
        ("DROP TABLE p", "2BP01: cannot drop table p because other objects depend on it"),
        ("DROP TABLE c", "2BP01: cannot drop table c because other objects depend on it"),
        (
            "DROP TABLE p CASCADE; DROP TABLE c CASCADE; SELECT * FROM v",
            "42P01: relation \"v\" does not exist",
        ),
    ]);
}

#[test]
fn enums_and_domains_have_their_own_order_and_limits() {
    check(&[
        ("CREATE TYPE m AS ENUM ('low', 'high'); ALTER TYPE m ADD VALUE 'mid' BEFORE 'high'", "ALTER TYPE"),
        ("CREATE DOMAIN small AS int CHECK (VALUE < 10)", "CREATE DOMAIN"),
        (
            "CREATE TABLE t (m m, s small); INSERT INTO t VALUES ('high', 1), ('low', 2), ('mid', 3)",
            "INSERT 0 3",
        ),
        ("SELECT s FROM t ORDER BY m", "2; 3; 1"),
        ("INSERT INTO t VALUES ('none', 1)", "22P02: invalid input value for enum m: \"none\""),
        (
            "INSERT INTO t VALUES ('low', 11)",
            "23514: value for domain small violates check constraint \"small_check\"",
        ),
    ]);
}

#[test]
fn identity_and_generated_columns_refuse_values() {
    check(&[
        (
            "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)",
            "CREATE TABLE",
        ),
        ("INSERT INTO t (a) VALUES (5) RETURNING id, b", "1|10"),
        (
            "INSERT INTO t (id, a) VALUES (1, 1)",
            "428C9: cannot insert a non-DEFAULT value into column \"id\"",
        ),
        ("INSERT INTO t (id, a) OVERRIDING SYSTEM VALUE VALUES (9, 1) RETURNING id", "9"),
        ("UPDATE t SET a = 6 WHERE id = 1 RETURNING b", "12"),
    ]);
}
