//! Functions that wait: sleeping and advisory locks.

use super::arithmetic::{f64_of, i32_of, i64_of};
use crate::engine::{AdvisoryKey, AdvisoryScope};
use crate::error::{DatabaseError, Result, Severity, SqlState};
use crate::sql::context::Exec;
use crate::sql::function::{BoxFuture, Function, Kind};
use crate::value::Value;
use crate::value::calendar::USECS_PER_SEC;
use crate::value::oid::*;
use std::time::Duration;

fn key(args: &[Value]) -> AdvisoryKey {
    match args {
        [key] => AdvisoryKey::One(i64_of(key)),
        [first, second, ..] => AdvisoryKey::Two(i32_of(first), i32_of(second)),
        [] => AdvisoryKey::One(0),
    }
}

fn sleep(exec: &mut Exec, seconds: f64) -> BoxFuture<'_, Result<Value>> {
    Box::pin(async move {
        let session = exec.session()?.clone();
        let micros = (seconds.max(0.0) * USECS_PER_SEC as f64) as u64;
        let timer = session.engine().environment().sleep(Duration::from_micros(micros));
        session.interruptible(timer).await?;
        Ok(Value::Void)
    })
}

fn lock(
    exec: &mut Exec,
    args: Vec<Value>,
    shared: bool,
    scope: AdvisoryScope,
) -> BoxFuture<'_, Result<Value>> {
    Box::pin(async move {
        let session = exec.session()?.clone();
        session.advisory_lock(key(&args), shared, scope).await?;
        Ok(Value::Void)
    })
}

fn unlock(exec: &mut Exec, args: &[Value], shared: bool) -> Result<Value> {
    let held = exec.session()?.advisory_unlock(key(args), shared);
    if !held {
        let mode = if shared { "ShareLock" } else { "ExclusiveLock" };
        let mut warning =
            DatabaseError::new(SqlState::WARNING, format!("you don't own a lock of type {mode}"));
        warning.severity = Severity::Warning;
        exec.notice(warning);
    }
    Ok(Value::Bool(held))
}

macro_rules! advisory {
    ($(($wait:literal, $try:literal, $shared:literal, $scope:ident)),*) => {
        static ADVISORY: &[Function] = &[$(
            Function::of($wait, &[INT8], VOID, Kind::Async(|exec, a| lock(exec, a, $shared, AdvisoryScope::$scope)))
                .volatile(),
            Function::of($wait, &[INT4, INT4], VOID, Kind::Async(|exec, a| {
                lock(exec, a, $shared, AdvisoryScope::$scope)
            })).volatile(),
            Function::scalar($try, &[INT8], BOOL, |exec, a| {
                Ok(Value::Bool(exec.session()?.try_advisory_lock(key(a), $shared, AdvisoryScope::$scope)))
            }).volatile(),
            Function::scalar($try, &[INT4, INT4], BOOL, |exec, a| {
                Ok(Value::Bool(exec.session()?.try_advisory_lock(key(a), $shared, AdvisoryScope::$scope)))
            }).volatile(),
        )*];
    };
}

advisory!(
    ("pg_advisory_lock", "pg_try_advisory_lock", false, Session),
    ("pg_advisory_lock_shared", "pg_try_advisory_lock_shared", true, Session),
    ("pg_advisory_xact_lock", "pg_try_advisory_xact_lock", false, Transaction),
    ("pg_advisory_xact_lock_shared", "pg_try_advisory_xact_lock_shared", true, Transaction)
);

/// Taking advisory locks.
pub(super) fn advisory() -> &'static [Function] {
    ADVISORY
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::of(
        "pg_sleep",
        &[FLOAT8],
        VOID,
        Kind::Async(|exec, a| {
            let seconds = f64_of(&a[0]);
            sleep(exec, seconds)
        }),
    )
    .volatile(),
    Function::of(
        "pg_sleep_for",
        &[INTERVAL],
        VOID,
        Kind::Async(|exec, a| {
            let seconds = match &a[0] {
                Value::Interval(interval) => interval.span() as f64 / USECS_PER_SEC as f64,
                _ => 0.0,
            };
            sleep(exec, seconds)
        }),
    )
    .volatile(),
    Function::scalar("pg_advisory_unlock", &[INT8], BOOL, |exec, a| unlock(exec, a, false)).volatile(),
    Function::scalar("pg_advisory_unlock", &[INT4, INT4], BOOL, |exec, a| unlock(exec, a, false)).volatile(),
    Function::scalar("pg_advisory_unlock_shared", &[INT8], BOOL, |exec, a| unlock(exec, a, true)).volatile(),
    Function::scalar("pg_advisory_unlock_shared", &[INT4, INT4], BOOL, |exec, a| unlock(exec, a, true))
        .volatile(),
    Function::scalar("pg_advisory_unlock_all", &[], VOID, |exec, _| {
        exec.session()?.advisory_unlock_all();
        Ok(Value::Void)
    })
    .volatile(),
];
