use super::check;

const PEOPLE: (&str, &str) = (
    "CREATE TABLE p (id int PRIMARY KEY, name text, boss int); \
     INSERT INTO p VALUES (1, 'ada', NULL), (2, 'bob', 1), (3, 'cyd', 1), (4, 'dee', 2)",
    "INSERT 0 4",
);

#[test]
fn joins_pair_and_pad() {
    check(&[
        PEOPLE,
        (
            "SELECT a.name, b.name FROM p a JOIN p b ON b.id = a.boss ORDER BY a.id",
            "bob|ada; cyd|ada; dee|bob",
        ),
        (
            "SELECT a.name, b.name FROM p a LEFT JOIN p b ON b.boss = a.id AND b.id > 2 ORDER BY a.id",
            "ada|cyd; bob|dee; cyd|∅; dee|∅",
        ),
        (
            "SELECT a.id, b.id FROM p a FULL JOIN (VALUES (4), (9)) b (id) USING (id) WHERE a.id > 2 OR a.id IS NULL ORDER BY 2",
            "4|4; ∅|9; 3|∅",
        ),
        (
            "SELECT a.id, l.n FROM p a, LATERAL (SELECT count(*) AS n FROM p b WHERE b.boss = a.id) l ORDER BY 1",
            "1|2; 2|1; 3|0; 4|0",
        ),
        ("SELECT id FROM p JOIN p q ON q.id = p.id", "42702: column reference \"id\" is ambiguous"),
        ("SELECT x.id FROM p", "42P01: missing FROM-clause entry for table \"x\""),
    ]);
}

#[test]
fn groups_need_their_columns() {
    check(&[
        PEOPLE,
        (
            "SELECT boss, count(*), string_agg(name, '+' ORDER BY name DESC) FROM p GROUP BY boss ORDER BY boss",
            "1|2|cyd+bob; 2|1|dee; ∅|1|ada",
        ),
        ("SELECT name, count(*) FROM p GROUP BY id", "ada|1; bob|1; cyd|1; dee|1"),
        (
            "SELECT name, count(*) FROM p",
            "42803: column \"p.name\" must appear in the GROUP BY clause or be used in an aggregate function",
        ),
        ("SELECT boss, count(*) FILTER (WHERE id > 2) FROM p GROUP BY boss HAVING count(*) > 1", "1|1"),
        ("SELECT count(*), sum(id), avg(id), max(name) FROM p WHERE false", "0|∅|∅|∅"),
        (
            "SELECT boss, id, count(*), grouping(boss, id) FROM p WHERE id > 2 GROUP BY ROLLUP (boss, id) ORDER BY 4, 1",
            "1|3|1|0; 2|4|1|0; 1|∅|1|1; 2|∅|1|1; ∅|∅|2|3",
        ),
    ]);
}

#[test]
fn windows_look_around() {
    check(&[
        PEOPLE,
        (
            "SELECT id, row_number() OVER (PARTITION BY boss ORDER BY id), lag(name) OVER (ORDER BY id), sum(id) OVER (ORDER BY id ROWS 1 PRECEDING) FROM p ORDER BY id",
            "1|1|∅|1; 2|1|ada|3; 3|2|bob|5; 4|1|cyd|7",
        ),
        (
            "SELECT rank() OVER w, dense_rank() OVER w FROM p WINDOW w AS (ORDER BY boss) ORDER BY 1",
            "1|1; 1|1; 3|2; 4|3",
        ),
    ]);
}

#[test]
fn subqueries_see_the_row_around_them() {
    check(&[
        PEOPLE,
        ("SELECT name FROM p a WHERE EXISTS (SELECT FROM p b WHERE b.boss = a.id) ORDER BY 1", "ada; bob"),
        (
            "SELECT id, (SELECT name FROM p b WHERE b.id = a.boss) FROM p a ORDER BY 1",
            "1|∅; 2|ada; 3|ada; 4|bob",
        ),
        (
            "SELECT (SELECT id FROM p)",
            "21000: more than one row returned by a subquery used as an expression",
        ),
        ("SELECT id FROM p WHERE id NOT IN (SELECT boss FROM p)", ""),
        ("SELECT ARRAY(SELECT name FROM p WHERE boss = 1 ORDER BY id)", "{bob,cyd}"),
    ]);
}

#[test]
fn common_table_expressions_recur_and_change() {
    check(&[
        PEOPLE,
        (
            "WITH RECURSIVE up AS (SELECT id, boss FROM p WHERE id = 4 UNION ALL SELECT p.id, p.boss FROM up JOIN p ON p.id = up.boss) SELECT id FROM up",
            "4; 2; 1",
        ),
        (
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 3",
            "1; 2; 3",
        ),
        (
            "WITH gone AS (DELETE FROM p WHERE id = 4 RETURNING name) SELECT (SELECT name FROM gone), count(*) FROM p",
            "dee|4",
        ),
        ("SELECT count(*) FROM p", "3"),
    ]);
}

#[test]
fn set_operations_find_a_common_type() {
    check(&[
        ("SELECT 1 UNION SELECT 2.5 ORDER BY 1 DESC", "2.5; 1"),
        ("VALUES (1), (1), (2) EXCEPT ALL VALUES (1)", "1; 2"),
        ("SELECT 'a' UNION SELECT 1", "22P02: invalid input syntax for type integer: \"a\""),
        (
            "SELECT DISTINCT ON (a) a, b FROM (VALUES (1, 2), (1, 1), (2, 3)) v (a, b) ORDER BY a, b",
            "1|1; 2|3",
        ),
        (
            "SELECT a FROM (VALUES (1), (2), (2), (3)) v (a) ORDER BY a FETCH FIRST 2 ROWS WITH TIES",
            "1; 2; 2",
        ),
    ]);
}
