//! What a statement answers, as messages: the wire's end of the SQL layer's [`Sink`].

use std::{future::Future, pin::Pin, pin::pin, sync::Arc};

use futures::{
    future::{Either, select},
    io::{AsyncRead, AsyncWrite},
};

use super::{
    backend::{Field, Output},
    channel::{Channel, End},
    ending::Ending,
    frontend::{self, Frontend},
    report::report,
};
use crate::{
    engine::Session as EngineSession,
    error::{DatabaseError, Result, SqlState},
    sql::{CopyFormat, ResultColumn, Sink},
    value::{
        Oid, Value, binary,
        text::{self, TextContext, TextStyle, TypeCatalog},
    },
};

/// The formats that a Bind asked for, by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formats(Vec<u16>);

impl Formats {
    /// As Bind carries them: none means text, one is for all.
    pub fn new(codes: Vec<u16>) -> Self {
        Self(codes)
    }

    /// How many codes there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The code of a column.
    pub fn of(&self, column: usize) -> u16 {
        match self.0.as_slice() {
            [] => 0,
            [one] => *one,
            codes => codes.get(column).copied().unwrap_or(0),
        }
    }

    /// A code other than 0 and 1, if there is one.
    pub fn unsupported(&self) -> Option<u16> {
        self.0.iter().copied().find(|code| *code > 1)
    }
}

/// Writes `RowDescription`.
pub fn describe_rows(out: &mut Output, columns: &[ResultColumn], formats: &Formats) {
    out.row_description(columns.iter().enumerate().map(|(i, column)| Field {
        name: &column.name,
        table_oid: column.table_oid,
        column_number: column.attribute_number,
        type_oid: column.type_oid,
        type_length: column.size,
        type_modifier: column.typmod,
        format: formats.of(i),
    }));
}

/// Sends a statement's answer to the client.
pub struct Results<'a, S> {
    pub channel: &'a mut Channel<S>,
    pub engine: EngineSession,
    pub style: Arc<TextStyle>,
    pub types: Arc<dyn TypeCatalog>,
    pub formats: &'a Formats,
    /// Whether columns are told before rows: in a simple query.
    pub describes: bool,
    /// The types of the columns.
    pub column_types: Vec<Oid>,
    /// How many rows have been sent.
    pub rows: usize,
    /// Room for one text.
    pub scratch: String,
    /// A COPY that lost the protocol's thread ends the session, after the statement's error.
    pub ending: Option<Ending>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Results<'_, S> {
    async fn copy_message(&mut self) -> Result<Option<Vec<u8>>> {
        self.flush().await?;
        loop {
            let engine = self.engine.clone();
            let ready = match select(pin!(self.channel.ready()), pin!(engine.wakeup())).await {
                Either::Left((ready, _)) => Some(ready),
                Either::Right(_) => None,
            };
            match ready {
                Some(Ok(())) => {}
                Some(Err(end)) => return Err(self.lost(end)),
                None => {
                    self.engine.check_interrupts()?;
                    continue;
                }
            }
            let (tag, body) = self.channel.take();
            match frontend::parse(tag, body)? {
                Frontend::CopyData(data) => return Ok(Some(data)),
                Frontend::CopyDone => return Ok(None),
                Frontend::CopyFail(reason) => {
                    let message = format!("COPY from stdin failed: {reason}");
                    return Err(DatabaseError::new(SqlState::QUERY_CANCELED, message));
                }
                Frontend::Flush | Frontend::Sync => {}
                _ => {
                    let lost = "terminating connection because protocol synchronization was lost";
                    self.ending = Some(Ending::violation(lost));
                    let message = format!("unexpected message type 0x{tag:02X} during COPY from stdin");
                    return Err(DatabaseError::new(SqlState::PROTOCOL_VIOLATION, message));
                }
            }
        }
    }

    async fn flush(&mut self) -> Result<()> {
        match self.channel.flush().await {
            Ok(()) => Ok(()),
            Err(end) => Err(self.lost(end)),
        }
    }

    /// The client is gone in the middle of a statement.
    fn lost(&mut self, end: End) -> DatabaseError {
        self.ending = Some(end.into());
        let code = SqlState::parse("08006").expect("five characters");
        DatabaseError::fatal(code, "connection to client lost")
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink for Results<'_, S> {
    fn columns(&mut self, columns: &[ResultColumn]) {
        if self.describes {
            describe_rows(&mut self.channel.out, columns, self.formats);
        }
        self.column_types.clear();
        self.column_types.extend(columns.iter().map(|column| column.type_oid));
    }

    fn row(&mut self, values: &[Value]) {
        self.rows += 1;
        let context = TextContext::new(&self.style, &*self.types);
        let (scratch, formats, types) = (&mut self.scratch, self.formats, &self.column_types);
        let written = self.channel.out.data_row(values.len(), |i, bytes| {
            let value = &values[i];
            if matches!(value, Value::Null) {
                return Ok::<bool, std::convert::Infallible>(false);
            }
            if formats.of(i) == 1 {
                binary::write(bytes, value, context.types);
            } else {
                scratch.clear();
                text::write(scratch, value, types.get(i).copied().unwrap_or(0), context);
                bytes.extend_from_slice(scratch.as_bytes());
            }
            Ok(true)
        });
        let Ok(()) = written;
    }

    fn notice(&mut self, notice: DatabaseError) {
        report(&mut self.channel.out, &notice);
    }

    fn ready(&mut self) -> Option<Pin<Box<dyn Future<Output = Result<()>> + '_>>> {
        if self.channel.out.pending().len() < Output::FLUSH_BYTES {
            return None;
        }
        Some(Box::pin(self.flush()))
    }

    fn copy_out(&mut self, format: CopyFormat, columns: usize) {
        self.channel.out.copy_out_response(format == CopyFormat::Binary, columns);
    }

    fn copy_data(&mut self, data: &[u8]) {
        self.channel.out.copy_data(data);
    }

    fn copy_done(&mut self) {
        self.channel.out.copy_done();
    }

    fn copy_in(&mut self, format: CopyFormat, columns: usize) {
        self.channel.out.copy_in_response(format == CopyFormat::Binary, columns);
    }

    fn next_copy_data(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>>> + '_>> {
        Box::pin(self.copy_message())
    }
}
