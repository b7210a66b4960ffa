//! The data of COPY: rows of raw fields to bytes and back, in its three formats.
//!
//! Fields stay raw here (text or binary representation, `None` for NULL): what they mean is the business of the types.
//! Input arrives in pieces cut anywhere, so a decoder keeps what is not a whole row yet.

mod binary;
mod csv;
mod text;

use crate::error::{DatabaseError, Result, SqlState};

/// One row: a representation of each column, `None` for NULL.
pub type RawRow = Vec<Option<Vec<u8>>>;

/// Which representation rows have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyFormat {
    /// Tab-separated, backslash escapes.
    #[default]
    Text,
    /// Comma-separated, quoted.
    Csv,
    /// Length-prefixed binary values.
    Binary,
}

/// What the first line of text or CSV is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyHeader {
    /// Data.
    #[default]
    No,
    /// Column names: written, skipped when read.
    Yes,
    /// Column names, checked when read.
    Match,
}

/// Columns that an option names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CopyColumns {
    /// None of them.
    #[default]
    None,
    /// All of them.
    All,
    /// These.
    Some(Vec<String>),
}

impl CopyColumns {
    fn contains(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some(names) => names.iter().any(|n| n == name),
        }
    }
}

/// COPY's options, with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOptions {
    /// FORMAT
    pub format: CopyFormat,
    /// DELIMITER: a tab, in CSV a comma.
    pub delimiter: u8,
    /// NULL: `\N`, in CSV an empty unquoted field.
    pub null: String,
    /// HEADER
    pub header: CopyHeader,
    /// QUOTE: a double quote.
    pub quote: u8,
    /// ESCAPE: what QUOTE is.
    pub escape: u8,
    /// `FORCE_QUOTE`
    pub force_quote: CopyColumns,
    /// `FORCE_NOT_NULL`
    pub force_not_null: CopyColumns,
    /// `FORCE_NULL`
    pub force_null: CopyColumns,
}

impl CopyOptions {
    /// The defaults of a format.
    pub fn new(format: CopyFormat) -> Self {
        let csv = format == CopyFormat::Csv;
        Self {
            format,
            delimiter: if csv { b',' } else { b'\t' },
            null: if csv { String::new() } else { "\\N".to_owned() },
            header: CopyHeader::No,
            quote: b'"',
            escape: b'"',
            force_quote: CopyColumns::None,
            force_not_null: CopyColumns::None,
            force_null: CopyColumns::None,
        }
    }
}

/// Reads the input of COPY FROM.
#[derive(Debug)]
pub struct Decoder {
    options: CopyOptions,
    columns: Vec<String>,
    pending: Vec<u8>,
    /// Bytes of `pending` known to hold no end of line outside quotes.
    searched: usize,
    in_quotes: bool,
    header_due: bool,
    signature_due: bool,
    ended: bool,
}

impl Decoder {
    /// For a table's (or a list of) columns.
    pub fn new(options: CopyOptions, columns: Vec<String>) -> Self {
        let header_due = options.header != CopyHeader::No;
        Self {
            options,
            columns,
            pending: Vec::new(),
            searched: 0,
            in_quotes: false,
            header_due,
            signature_due: true,
            ended: false,
        }
    }

    /// Takes a piece of input; gives the rows that it completes.
    ///
    /// # Errors
    /// 22P04 for malformed input.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<RawRow>> {
        self.pending.extend_from_slice(bytes);
        let mut rows = Vec::new();
        if self.options.format == CopyFormat::Binary {
            self.binary_rows(&mut rows)?;
            return Ok(rows);
        }
        while let Some(line) = self.next_line() {
            self.line(&line, &mut rows)?;
        }
        Ok(rows)
    }

    /// The input is over; gives the last row if its line had no end.
    ///
    /// # Errors
    /// 22P04 for malformed input.
    pub fn finish(&mut self) -> Result<Vec<RawRow>> {
        let mut rows = Vec::new();
        if self.options.format == CopyFormat::Binary {
            if !self.ended && !self.pending.is_empty() {
                return Err(bad_format("unexpected EOF in COPY data"));
            }
            return Ok(rows);
        }
        if self.in_quotes {
            return Err(bad_format("unterminated CSV quoted field"));
        }
        if !self.pending.is_empty() {
            let mut line = std::mem::take(&mut self.pending);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            self.line(&line, &mut rows)?;
        }
        Ok(rows)
    }

    /// Cuts the next whole line, without its end.
    fn next_line(&mut self) -> Option<Vec<u8>> {
        let csv = self.options.format == CopyFormat::Csv;
        let mut at = self.searched;
        while let Some(&byte) = self.pending.get(at) {
            let escaped = self.options.escape != self.options.quote && byte == self.options.escape;
            if csv && self.in_quotes && escaped {
                // The escaped byte, when it is there, cannot end the field.
                if at + 1 >= self.pending.len() {
                    break;
                }
                at += 1;
            } else if csv && byte == self.options.quote {
                self.in_quotes = !self.in_quotes;
            } else if !csv && byte == b'\\' && self.pending.get(at + 1).is_some_and(|&b| b != b'.') {
                at += 1;
            } else if byte == b'\n' && !self.in_quotes {
                let mut line: Vec<u8> = self.pending.drain(..=at).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                self.searched = 0;
                return Some(line);
            } else if !csv && byte == b'\\' && at + 1 >= self.pending.len() {
                break;
            }
            at += 1;
        }
        self.searched = at;
        None
    }

    fn line(&mut self, line: &[u8], rows: &mut Vec<RawRow>) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        if line == b"\\." {
            self.ended = true;
            return Ok(());
        }
        let csv = self.options.format == CopyFormat::Csv;
        if std::mem::take(&mut self.header_due) {
            if self.options.header == CopyHeader::Match {
                let names = if csv {
                    csv::split(&self.options, &[], line)?
                } else {
                    text::split(&self.options, line)?
                };
                self.check_header(&names)?;
            }
            return Ok(());
        }
        if let Err(error) = std::str::from_utf8(line) {
            let malformed = crate::wire::malformed::Malformed::encoding(&line[error.valid_up_to()..]);
            return Err(malformed.into());
        }
        // A table without columns has empty lines.
        if self.columns.is_empty() && line.is_empty() {
            rows.push(Vec::new());
            return Ok(());
        }
        let row = if csv {
            csv::split(&self.options, &self.columns, line)?
        } else {
            text::split(&self.options, line)?
        };
        self.check_width(row.len())?;
        rows.push(row);
        Ok(())
    }

    fn check_width(&self, width: usize) -> Result<()> {
        if width > self.columns.len() {
            return Err(bad_format("extra data after last expected column"));
        }
        match self.columns.get(width) {
            None => Ok(()),
            Some(missing) => Err(bad_format(format!("missing data for column \"{missing}\""))),
        }
    }

    fn check_header(&self, names: &RawRow) -> Result<()> {
        if names.len() != self.columns.len() {
            let (given, wanted) = (names.len(), self.columns.len());
            return Err(bad_format(format!(
                "wrong number of fields in header line: got {given}, expected {wanted}"
            )));
        }
        for (i, (name, column)) in names.iter().zip(&self.columns).enumerate() {
            let name = name.as_deref().unwrap_or_default();
            if name != column.as_bytes() {
                return Err(bad_format(format!(
                    "column name mismatch in header line field {}: got \"{}\", expected \"{column}\"",
                    i + 1,
                    String::from_utf8_lossy(name)
                )));
            }
        }
        Ok(())
    }

    fn binary_rows(&mut self, rows: &mut Vec<RawRow>) -> Result<()> {
        if self.signature_due {
            match binary::header_length(&self.pending)? {
                None => return Ok(()),
                Some(length) => drop(self.pending.drain(..length)),
            }
            self.signature_due = false;
        }
        let mut at = 0;
        while !self.ended {
            match binary::row(&self.pending[at..], self.columns.len())? {
                binary::Next::Incomplete => break,
                binary::Next::End(length) => {
                    at += length;
                    self.ended = true;
                }
                binary::Next::Row(row, length) => {
                    at += length;
                    rows.push(row);
                }
            }
        }
        if self.ended && at < self.pending.len() {
            return Err(bad_format("received copy data after EOF marker"));
        }
        self.pending.drain(..at);
        Ok(())
    }
}

/// Writes the output of COPY TO.
#[derive(Debug)]
pub struct Encoder {
    options: CopyOptions,
    columns: Vec<String>,
}

impl Encoder {
    /// For these columns.
    pub fn new(options: CopyOptions, columns: Vec<String>) -> Self {
        Self { options, columns }
    }

    /// What comes before the rows, if anything.
    pub fn start(&self) -> Option<Vec<u8>> {
        if self.options.format == CopyFormat::Binary {
            return Some(binary::header());
        }
        if self.options.header == CopyHeader::No {
            return None;
        }
        let names: RawRow = self.columns.iter().map(|name| Some(name.clone().into_bytes())).collect();
        let plain = CopyOptions { force_quote: CopyColumns::None, ..self.options.clone() };
        Some(Self::line(&plain, &self.columns, &names))
    }

    /// One row; one `CopyData` message each.
    pub fn row(&self, row: &RawRow) -> Vec<u8> {
        if self.options.format == CopyFormat::Binary {
            return binary::write_row(row);
        }
        Self::line(&self.options, &self.columns, row)
    }

    /// What comes after the rows, if anything.
    pub fn end(&self) -> Option<Vec<u8>> {
        (self.options.format == CopyFormat::Binary).then(binary::trailer)
    }

    fn line(options: &CopyOptions, columns: &[String], row: &RawRow) -> Vec<u8> {
        let mut line = match options.format {
            CopyFormat::Csv => csv::join(options, columns, row),
            _ => text::join(options, row),
        };
        line.push(b'\n');
        line
    }
}

fn bad_format(message: impl Into<String>) -> DatabaseError {
    let code = SqlState::parse("22P04").expect("five characters");
    DatabaseError::new(code, message)
}
