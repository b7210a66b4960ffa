use super::check;

const ABORTED: &str =
    "25P02: current transaction is aborted, commands ignored until end of transaction block";

#[test]
fn a_failed_transaction_takes_nothing_but_its_end() {
    check(&[
        ("BEGIN; SELECT 1 / 0", "22012: division by zero"),
        ("SELECT 1", ABORTED),
        ("COMMIT", "ROLLBACK"),
        ("BEGIN; SAVEPOINT s; SELECT 1 / 0", "22012: division by zero"),
        ("ROLLBACK TO s; SELECT 2", "2"),
        ("COMMIT", "COMMIT"),
    ]);
}

#[test]
fn a_script_is_one_transaction_cut_by_its_own_commits() {
    check(&[
        ("CREATE TABLE t (a int PRIMARY KEY)", "CREATE TABLE"),
        (
            "INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)",
            "23505: duplicate key value violates unique constraint \"t_pkey\"",
        ),
        ("SELECT count(*) FROM t", "0"),
        (
            "BEGIN; INSERT INTO t VALUES (2); COMMIT; INSERT INTO t VALUES (3); SELECT 1 / 0",
            "22012: division by zero",
        ),
        ("SELECT a FROM t", "2"),
    ]);
}

#[test]
fn settings_end_with_what_set_them() {
    check(&[
        ("SET statement_timeout = '5s'; SHOW statement_timeout", "5s"),
        ("BEGIN; SET LOCAL statement_timeout = 7; COMMIT; SHOW statement_timeout", "5s"),
        ("BEGIN; SET statement_timeout = 9; ROLLBACK; SHOW statement_timeout", "5s"),
        ("SHOW nosuch", "42704: unrecognized configuration parameter \"nosuch\""),
        ("SELECT set_config('a.b', 'c', false); SELECT current_setting('a.b')", "c"),
    ]);
}

#[test]
fn prepared_statements_notice_changed_columns() {
    check(&[
        ("CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 2)", "INSERT 0 1"),
        ("PREPARE s (int) AS SELECT * FROM t WHERE a = $1; EXECUTE s (1)", "1|2"),
        ("EXECUTE s", "42601: wrong number of parameters for prepared statement \"s\""),
        ("ALTER TABLE t ADD COLUMN c int; EXECUTE s (1)", "0A000: cached plan must not change result type"),
        ("DEALLOCATE s; EXECUTE s (1)", "26000: prepared statement \"s\" does not exist"),
    ]);
}

#[test]
fn read_only_transactions_refuse_changes() {
    check(&[
        ("CREATE TABLE t (a int)", "CREATE TABLE"),
        (
            "BEGIN READ ONLY; INSERT INTO t VALUES (1)",
            "25006: cannot execute INSERT in a read-only transaction",
        ),
        (
            "ROLLBACK; BEGIN; SELECT 1; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "25001: SET TRANSACTION ISOLATION LEVEL must be called before any query",
        ),
    ]);
}

#[test]
fn cursors_are_read_by_portions() {
    check(&[
        ("BEGIN; DECLARE c CURSOR FOR SELECT generate_series(1, 5); FETCH 2 FROM c", "1; 2"),
        ("MOVE 1 FROM c", "MOVE 1"),
        ("FETCH ALL FROM c", "4; 5"),
        ("CLOSE c; FETCH c", "34000: cursor \"c\" does not exist"),
    ]);
}

#[test]
fn syntax_errors_name_the_word() {
    check(&[
        ("SELEC 1", "42601: syntax error at or near \"SELEC\""),
        ("SELECT 1 FROM", "42601: syntax error at end of input"),
        ("SELECT 'open", "42601: unterminated quoted string at or near \"'open\""),
    ]);
}
