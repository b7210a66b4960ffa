//! Messages to a client, written one behind the other into one buffer.
//!
//! The buffer is the unit of sending: an exchange is written whole and goes out at Sync, Flush, the end of a
//! simple query, or when it has grown past [`Output::FLUSH_BYTES`]; a row costs no allocation.

/// What `ReadyForQuery` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `I`
    Idle,
    /// `T`
    InTransaction,
    /// `E`
    Failed,
}

/// A column as `RowDescription` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// The column's name.
    pub name: &'a str,
    /// The table it comes from, or 0.
    pub table_oid: u32,
    /// Its number there, or 0.
    pub column_number: i16,
    /// Its type.
    pub type_oid: u32,
    /// Bytes of the type; -1 for varying, -2 for a C string.
    pub type_length: i16,
    /// The type's modifier, or -1.
    pub type_modifier: i32,
    /// 0 text, 1 binary.
    pub format: u16,
}

/// Messages not sent yet.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    start: usize,
}

impl Output {
    /// Past this many waiting bytes a session sends before it goes on.
    pub const FLUSH_BYTES: usize = 8_192;

    /// What waits.
    pub fn pending(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The first `n` waiting bytes went out.
    pub fn sent(&mut self, n: usize) {
        self.start += n;
        if self.start >= self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// Drops what waits.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }

    fn message(&mut self, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.push(tag);
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        body(&mut self.bytes);
        let length = u32::try_from(self.bytes.len() - at).expect("a message is shorter than 4 GiB");
        self.bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// The one byte that answers `SSLRequest` and `GSSENCRequest`.
    pub fn no_encryption(&mut self) {
        self.bytes.push(b'N');
    }

    /// `R` with a code and what belongs to it.
    pub fn authentication(&mut self, code: i32, data: &[u8]) {
        self.message(b'R', |b| {
            b.extend_from_slice(&code.to_be_bytes());
            b.extend_from_slice(data);
        });
    }

    /// `v`: the newest version we speak (3.0, both halves, as PostgreSQL 15 sends it) and the options we do not know.
    pub fn negotiate_protocol_version(&mut self, unknown: &[String]) {
        self.message(b'v', |b| {
            b.extend_from_slice(&(3_i32 << 16).to_be_bytes());
            let count = i32::try_from(unknown.len()).expect("a start-up packet holds few options");
            b.extend_from_slice(&count.to_be_bytes());
            for name in unknown {
                string(b, name);
            }
        });
    }

    /// `S`
    pub fn parameter_status(&mut self, name: &str, value: &str) {
        self.message(b'S', |b| {
            string(b, name);
            string(b, value);
        });
    }

    /// `K`
    pub fn backend_key_data(&mut self, pid: i32, secret: i32) {
        self.message(b'K', |b| {
            b.extend_from_slice(&pid.to_be_bytes());
            b.extend_from_slice(&secret.to_be_bytes());
        });
    }

    /// `Z`
    pub fn ready_for_query(&mut self, status: Status) {
        let letter = match status {
            Status::Idle => b'I',
            Status::InTransaction => b'T',
            Status::Failed => b'E',
        };
        self.message(b'Z', |b| b.push(letter));
    }

    /// `1`
    pub fn parse_complete(&mut self) {
        self.message(b'1', |_| {});
    }

    /// `2`
    pub fn bind_complete(&mut self) {
        self.message(b'2', |_| {});
    }

    /// `3`
    pub fn close_complete(&mut self) {
        self.message(b'3', |_| {});
    }

    /// `n`
    pub fn no_data(&mut self) {
        self.message(b'n', |_| {});
    }

    /// `s`
    pub fn portal_suspended(&mut self) {
        self.message(b's', |_| {});
    }

    /// `I`
    pub fn empty_query_response(&mut self) {
        self.message(b'I', |_| {});
    }

    /// `C`
    pub fn command_complete(&mut self, tag: &str) {
        self.message(b'C', |b| string(b, tag));
    }

    /// `t`
    pub fn parameter_description(&mut self, types: &[u32]) {
        self.message(b't', |b| {
            count(b, types.len());
            for oid in types {
                b.extend_from_slice(&oid.to_be_bytes());
            }
        });
    }

    /// `T`
    pub fn row_description<'a>(&mut self, fields: impl ExactSizeIterator<Item = Field<'a>>) {
        self.message(b'T', |b| {
            count(b, fields.len());
            for field in fields {
                string(b, field.name);
                b.extend_from_slice(&field.table_oid.to_be_bytes());
                b.extend_from_slice(&field.column_number.to_be_bytes());
                b.extend_from_slice(&field.type_oid.to_be_bytes());
                b.extend_from_slice(&field.type_length.to_be_bytes());
                b.extend_from_slice(&field.type_modifier.to_be_bytes());
                b.extend_from_slice(&field.format.to_be_bytes());
            }
        });
    }

    /// `D`: `write` puts the bytes of value `i` into the buffer and says whether it was not NULL.
    ///
    /// # Errors
    /// What `write` returns; the row is taken back.
    pub fn data_row<E>(
        &mut self,
        columns: usize,
        mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let before = self.bytes.len();
        let mut failed = None;
        self.message(b'D', |b| {
            count(b, columns);
            for i in 0..columns {
                let at = b.len();
                b.extend_from_slice(&[0; 4]);
                match write(i, b) {
                    Ok(true) => {
                        let length = i32::try_from(b.len() - at - 4).expect("a value is shorter than 2 GiB");
                        b[at..at + 4].copy_from_slice(&length.to_be_bytes());
                    }
                    Ok(false) => b[at..at + 4].copy_from_slice(&(-1_i32).to_be_bytes()),
                    Err(error) => {
                        failed = Some(error);
                        return;
                    }
                }
            }
        });
        match failed {
            None => Ok(()),
            Some(error) => {
                self.bytes.truncate(before);
                Err(error)
            }
        }
    }

    /// `E`: fields by their letter.
    pub fn error_response<'a>(&mut self, fields: impl Iterator<Item = (u8, &'a str)>) {
        self.message(b'E', |b| letters(b, fields));
    }

    /// `N`: fields by their letter.
    pub fn notice_response<'a>(&mut self, fields: impl Iterator<Item = (u8, &'a str)>) {
        self.message(b'N', |b| letters(b, fields));
    }

    /// `A`
    pub fn notification_response(&mut self, pid: i32, channel: &str, payload: &str) {
        self.message(b'A', |b| {
            b.extend_from_slice(&pid.to_be_bytes());
            string(b, channel);
            string(b, payload);
        });
    }

    /// `G`: send us the input of a COPY of `columns` columns.
    pub fn copy_in_response(&mut self, binary: bool, columns: usize) {
        self.message(b'G', |b| copy_formats(b, binary, columns));
    }

    /// `H`: the output of a COPY of `columns` columns follows.
    pub fn copy_out_response(&mut self, binary: bool, columns: usize) {
        self.message(b'H', |b| copy_formats(b, binary, columns));
    }

    /// `d`
    pub fn copy_data(&mut self, data: &[u8]) {
        self.message(b'd', |b| b.extend_from_slice(data));
    }

    /// `c`
    pub fn copy_done(&mut self) {
        self.message(b'c', |_| {});
    }
}

fn string(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
}

fn count(bytes: &mut Vec<u8>, n: usize) {
    let n =
        u16::try_from(n).expect("a row has at most 1664 columns and a statement at most 65535 parameters");
    bytes.extend_from_slice(&n.to_be_bytes());
}

fn letters<'a>(bytes: &mut Vec<u8>, fields: impl Iterator<Item = (u8, &'a str)>) {
    for (letter, text) in fields {
        bytes.push(letter);
        string(bytes, text);
    }
    bytes.push(0);
}

fn copy_formats(bytes: &mut Vec<u8>, binary: bool, columns: usize) {
    bytes.push(u8::from(binary));
    count(bytes, columns);
    for _ in 0..columns {
        bytes.extend_from_slice(&u16::from(binary).to_be_bytes());
    }
}
