//! Where a statement's answers go, in the order in which the wire has to send them.

use super::connection::ResultColumn;
use crate::error::{DatabaseError, Result};
use crate::value::Value;
use futures::future::LocalBoxFuture;

/// Format of `COPY` data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyFormat {
    /// `text` or `csv`.
    Text,
    /// `binary`.
    Binary,
}

/// Receives what a statement answers. All methods but [`Sink::row`] may be left alone.
pub trait Sink {
    /// The rows that follow have these columns. Called once a statement that returns rows, before its first row.
    fn columns(&mut self, _columns: &[ResultColumn]) {}

    /// One row.
    fn row(&mut self, values: &[Value]);

    /// A notice or warning ([`crate::error::Severity`] says which).
    fn notice(&mut self, _notice: DatabaseError) {}

    /// A reported setting changed (`ParameterStatus`).
    fn parameter_status(&mut self, _name: &str, _value: &str) {}

    /// Something to wait for before more rows are written (a full send buffer).
    fn ready(&mut self) -> Option<LocalBoxFuture<'_, Result<()>>> {
        None
    }

    /// `COPY … TO STDOUT` begins.
    fn copy_out(&mut self, _format: CopyFormat, _columns: usize) {}

    /// One piece of `COPY … TO STDOUT`.
    fn copy_data(&mut self, _data: &[u8]) {}

    /// `COPY … TO STDOUT` is complete.
    fn copy_done(&mut self) {}

    /// `COPY … FROM STDIN` begins: the client is to be asked for data.
    fn copy_in(&mut self, _format: CopyFormat, _columns: usize) {}

    /// The next piece of `COPY … FROM STDIN`; `None` after `CopyDone`, an error (57014) after `CopyFail`.
    fn next_copy_data(&mut self) -> LocalBoxFuture<'_, Result<Option<Vec<u8>>>> {
        Box::pin(async { Err(DatabaseError::unsupported("COPY FROM STDIN here")) })
    }
}
