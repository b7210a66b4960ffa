//! An error or a notice as the fields of its message.

use super::{backend::Output, malformed::Malformed};
use crate::error::{DatabaseError, ErrorFields, Severity, SqlState};

impl From<Malformed> for DatabaseError {
    fn from(malformed: Malformed) -> Self {
        let sqlstate = SqlState::parse(malformed.sqlstate).expect("the parsers use five-character codes");
        DatabaseError::new(sqlstate, malformed.message)
    }
}

/// Writes `ErrorResponse`, or `NoticeResponse` for what is less than an error.
pub fn report(out: &mut Output, fields: &ErrorFields) {
    let position = fields.position.map(|position| position.to_string());
    let severity = fields.severity.as_str();
    let list = [
        (b'S', Some(severity)),
        (b'V', Some(severity)),
        (b'C', Some(fields.sqlstate.as_str())),
        (b'M', Some(fields.message.as_str())),
        (b'D', fields.detail.as_deref()),
        (b'H', fields.hint.as_deref()),
        (b's', fields.schema.as_deref()),
        (b't', fields.table.as_deref()),
        (b'c', fields.column.as_deref()),
        (b'd', fields.data_type.as_deref()),
        (b'n', fields.constraint.as_deref()),
        (b'P', position.as_deref()),
    ];
    let list = list.into_iter().filter_map(|(letter, text)| Some((letter, text?)));
    if fields.severity >= Severity::Error { out.error_response(list) } else { out.notice_response(list) }
}
