//! What may end a statement from outside: cancel, timeout, termination.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{
    environment::{LocalBoxFuture, SwitchPoint, Timestamp},
    recovery::Shutdown,
    session::Session,
    session_state::SessionState,
};
use crate::error::{DatabaseError, Result, SqlState};

impl Shutdown {
    /// What the session's client reads of it.
    pub fn error(self) -> DatabaseError {
        use crate::error::Severity;
        let warning = |sqlstate, message: &str| {
            let mut notice = DatabaseError::new(sqlstate, message);
            notice.severity = Severity::Warning;
            notice
        };
        match self {
            Shutdown::Administrator => DatabaseError::fatal(
                SqlState::ADMIN_SHUTDOWN,
                "terminating connection due to administrator command",
            ),
            Shutdown::Immediate => warning(
                SqlState::ADMIN_SHUTDOWN,
                "terminating connection due to immediate shutdown command",
            ),
            Shutdown::Crash => warning(
                SqlState::CRASH_SHUTDOWN,
                "terminating connection because of crash of another server process",
            )
            .with_detail(
                "The postmaster has commanded this server process to roll back the current transaction and \
                 exit, because another server process exited abnormally and possibly corrupted shared memory.",
            )
            .with_hint("In a moment you should be able to reconnect to the database and repeat your command."),
            Shutdown::IdleInTransaction => DatabaseError::fatal(
                SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                "terminating connection due to idle-in-transaction timeout",
            ),
            Shutdown::Idle => DatabaseError::fatal(
                SqlState(*b"57P05"),
                "terminating connection due to idle-session timeout",
            ),
        }
    }
}

impl SessionState {
    /// The error that a statement has to end with, at `now`.
    pub(crate) fn interrupt(&self, now: impl FnOnce() -> Timestamp) -> Option<DatabaseError> {
        if let Some(shutdown) = self.shutdown {
            return Some(shutdown.error());
        }
        if self.is_canceled {
            return Some(DatabaseError::canceled_by_user());
        }
        let deadline = self.statement_deadline?;
        (now() >= deadline).then(DatabaseError::statement_timeout)
    }
}

/// A timer that is only set when somebody waits.
pub(crate) struct LazyTimer(Option<LocalBoxFuture<()>>);

impl LazyTimer {
    /// A timer that never fires, if `duration` is `None`.
    pub(crate) fn new(session: &Session, duration: Option<Duration>) -> LazyTimer {
        LazyTimer(duration.map(|duration| session.core.environment.sleep(duration)))
    }

    /// Whether it fired; says so once.
    pub(crate) fn fires(&mut self, context: &mut Context<'_>) -> bool {
        let fired = self.0.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready());
        if fired {
            self.0 = None;
        }
        fired
    }
}

impl Session {
    /// `lock_timeout`; `None` (default) is off.
    pub fn set_lock_timeout(&self, timeout: Option<Duration>) {
        self.core.state.borrow_mut().session_mut(self.proc).lock_timeout = timeout;
    }

    /// `deadlock_timeout`, default one second.
    pub fn set_deadlock_timeout(&self, timeout: Duration) {
        self.core.state.borrow_mut().session_mut(self.proc).deadlock_timeout = timeout;
    }

    /// When the running statement fails with 57014; the caller sets it at its start and clears it at its end.
    pub fn set_statement_deadline(&self, deadline: Option<Timestamp>) {
        self.core.state.borrow_mut().session_mut(self.proc).statement_deadline = deadline;
    }

    /// Marks the session busy with a statement: only then can it be canceled. Clears a pending cancel.
    pub fn set_busy(&self, busy: bool) {
        let mut state = self.core.state.borrow_mut();
        let session = state.session_mut(self.proc);
        session.is_busy = busy;
        session.is_canceled = false;
    }

    /// Whether the statement may go on; call it now and then in long loops.
    ///
    /// # Errors
    /// 57014 canceled or timed out, 57P01 terminated.
    pub fn check_interrupts(&self) -> Result<()> {
        let state = self.core.state.borrow();
        match state.session(self.proc).interrupt(|| self.core.environment.now()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    pub(crate) fn deadline_timer(&self) -> LazyTimer {
        let deadline = self.core.state.borrow().session(self.proc).statement_deadline;
        let now = || self.core.environment.now();
        LazyTimer::new(self, deadline.map(|deadline| deadline.since(now()).max(Duration::from_micros(1))))
    }

    /// Fails if the statement has been interrupted; else sees to being polled again when it is.
    pub(crate) fn poll_interrupt(&self, timer: &mut LazyTimer, context: &mut Context<'_>) -> Result<()> {
        let timed_out = timer.fires(context);
        let mut state = self.core.state.borrow_mut();
        let session = state.session_mut(self.proc);
        if let Some(error) = session.interrupt(|| self.core.environment.now()) {
            return Err(error);
        }
        if timed_out {
            return Err(DatabaseError::statement_timeout());
        }
        session.waker = Some(context.waker().clone());
        Ok(())
    }

    /// Waits for `future`, or until the statement is interrupted (`pg_sleep`).
    ///
    /// # Errors
    /// As [`Session::check_interrupts`].
    pub async fn interruptible<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        let mut future = pin!(future);
        let mut timer = self.deadline_timer();
        poll_fn(|context| {
            if let Poll::Ready(done) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(done));
            }
            match self.poll_interrupt(&mut timer, context) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await
    }

    /// Runs a statement body with [`Session::set_busy`] around it.
    ///
    /// # Errors
    /// The body's.
    pub async fn run<T>(&self, body: impl Future<Output = Result<T>>) -> Result<T> {
        self.set_busy(true);
        let result = body.await;
        self.set_busy(false);
        result
    }

    /// Completes when somebody ended the session, or, outside a transaction, when a notification is there to take:
    /// in a transaction notifications wait for its end.
    pub async fn wakeup(&self) {
        poll_fn(|context| {
            let mut state = self.core.state.borrow_mut();
            let session = state.session_mut(self.proc);
            let may_take = session.transaction.is_none() && !session.inbox.is_empty();
            if may_take || session.shutdown.is_some() {
                return Poll::Ready(());
            }
            session.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// How the session has to end, if somebody ended it.
    pub fn shutdown(&self) -> Option<Shutdown> {
        self.core.state.borrow().session(self.proc).shutdown
    }

    /// A place where others may run; the session may have been ended meanwhile.
    pub(crate) async fn switch_point(&self, at: SwitchPoint) -> Result<()> {
        if let Some(switch) = self.core.environment.switch_point(at) {
            switch.await;
        }
        match self.shutdown() {
            Some(shutdown) => Err(shutdown.error()),
            None => Ok(()),
        }
    }
}
