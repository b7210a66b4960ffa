//! COPY's formats: what comes in as rows, what rows go out as. The expectations were read off a real server.

use proptest::prelude::*;
use sim_db::copy::{CopyColumns, CopyFormat, CopyHeader, CopyOptions, Decoder, Encoder, RawRow};

fn columns() -> Vec<String> {
    vec!["a".to_owned(), "b".to_owned()]
}

fn row(fields: &[Option<&str>]) -> RawRow {
    fields.iter().map(|f| f.map(|text| text.as_bytes().to_vec())).collect()
}

fn decode(options: &CopyOptions, input: &[u8], piece: usize) -> Result<Vec<RawRow>, String> {
    let mut decoder = Decoder::new(options.clone(), columns());
    let mut rows = Vec::new();
    for bytes in input.chunks(piece) {
        rows.extend(decoder.push(bytes).map_err(|e| e.message.clone())?);
    }
    rows.extend(decoder.finish().map_err(|e| e.message.clone())?);
    Ok(rows)
}

/// Whole, and a byte at a time.
fn check_in(options: &CopyOptions, input: &str, expected: &[&[Option<&str>]]) {
    let expected: Vec<RawRow> = expected.iter().map(|fields| row(fields)).collect();
    for piece in [1, input.len()] {
        assert_eq!(decode(options, input.as_bytes(), piece).as_ref(), Ok(&expected), "{input:?} by {piece}");
    }
}

fn check_refused(options: &CopyOptions, input: &str, message: &str) {
    assert_eq!(decode(options, input.as_bytes(), 1).unwrap_err(), message, "{input:?}");
}

fn check_out(options: &CopyOptions, fields: &[Option<&str>], expected: &str) {
    let line = Encoder::new(options.clone(), columns()).row(&row(fields));
    assert_eq!(String::from_utf8(line).unwrap(), format!("{expected}\n"));
}

fn text() -> CopyOptions {
    CopyOptions::new(CopyFormat::Text)
}

fn csv() -> CopyOptions {
    CopyOptions::new(CopyFormat::Csv)
}

#[test]
fn text_is_cut_at_tabs_and_line_ends() {
    check_in(&text(), "1\tx\n2\ty\n", &[&[Some("1"), Some("x")], &[Some("2"), Some("y")]]);
    check_in(&text(), "1\tx\r\n2\ty", &[&[Some("1"), Some("x")], &[Some("2"), Some("y")]]);
    check_in(&text(), "1\t\n", &[&[Some("1"), Some("")]]);
}

#[test]
fn text_escapes_are_undone() {
    check_in(&text(), "\\N\t\\\\N\n", &[&[None, Some("\\N")]]);
    check_in(&text(), "a\\tb\\\tc\t\\x41\\101\\q\n", &[&[Some("a\tb\tc"), Some("AAq")]]);
    check_in(&text(), "1\ta\\\nb\n", &[&[Some("1"), Some("a\nb")]]);
}

#[test]
fn text_ends_at_its_marker() {
    check_in(&text(), "1\tx\n\\.\n2\ty\n", &[&[Some("1"), Some("x")]]);
}

#[test]
fn text_of_another_width_is_refused() {
    check_refused(&text(), "1\n", "missing data for column \"b\"");
    check_refused(&text(), "1\t2\t3\n", "extra data after last expected column");
}

#[test]
fn csv_quotes_are_undone() {
    check_in(&csv(), "1,\"a,b\"\n", &[&[Some("1"), Some("a,b")]]);
    check_in(&csv(), "1,\"a\"\"b\nc\"\n2,d", &[&[Some("1"), Some("a\"b\nc")], &[Some("2"), Some("d")]]);
    check_in(&csv(), "\"\",\n", &[&[Some(""), None]]);
    let escaped = CopyOptions { escape: b'\\', ..csv() };
    check_in(&escaped, "1,\"a\\\"b\\\\\"\n", &[&[Some("1"), Some("a\"b\\")]]);
    check_refused(&csv(), "1,\"a\n", "unterminated CSV quoted field");
}

#[test]
fn csv_headers_are_skipped_or_matched() {
    let skip = CopyOptions { header: CopyHeader::Yes, ..csv() };
    check_in(&skip, "x,y,z\n1,2\n", &[&[Some("1"), Some("2")]]);
    let matched = CopyOptions { header: CopyHeader::Match, ..csv() };
    check_in(&matched, "a,b\n1,2\n", &[&[Some("1"), Some("2")]]);
    let message = "column name mismatch in header line field 2: got \"c\", expected \"b\"";
    check_refused(&matched, "a,c\n", message);
    check_refused(&matched, "a\n", "wrong number of fields in header line: got 1, expected 2");
}

#[test]
fn forced_nulls_and_not_nulls_hold() {
    let b = CopyColumns::Some(vec!["b".to_owned()]);
    check_in(&CopyOptions { force_not_null: b.clone(), ..csv() }, ",\n", &[&[None, Some("")]]);
    check_in(&CopyOptions { force_null: b.clone(), ..csv() }, "\"\",\"\"\n", &[&[Some(""), None]]);
    check_out(&CopyOptions { force_quote: b, ..csv() }, &[Some("1"), Some("x")], "1,\"x\"");
}

#[test]
fn rows_go_out_escaped() {
    check_out(&text(), &[None, Some("a\tb\\c\nd")], "\\N\ta\\tb\\\\c\\nd");
    check_out(&csv(), &[None, Some("a,b\"c")], ",\"a,b\"\"c\"");
    check_out(&csv(), &[Some(""), Some("x y")], "\"\",x y");
}

proptest! {
    #[test]
    fn what_goes_out_comes_in_again(
        format in prop::sample::select(vec![CopyFormat::Text, CopyFormat::Csv, CopyFormat::Binary]),
        rows in prop::collection::vec([prop::option::of(".{0,8}"), prop::option::of("[\\\\\"\t\n\r,.N]{0,5}")], 0..4),
        piece in 1_usize..9,
    ) {
        let options = CopyOptions::new(format);
        let encoder = Encoder::new(options.clone(), columns());
        let rows: Vec<RawRow> = rows.iter().map(|r| row(&[r[0].as_deref(), r[1].as_deref()])).collect();
        let mut bytes = encoder.start().unwrap_or_default();
        bytes.extend(rows.iter().flat_map(|row| encoder.row(row)));
        bytes.extend(encoder.end().unwrap_or_default());
        prop_assert_eq!(decode(&options, &bytes, piece), Ok(rows));
    }

    #[test]
    fn no_input_makes_a_decoder_panic(input: Vec<u8>, binary: bool) {
        let format = if binary { CopyFormat::Binary } else { CopyFormat::Csv };
        let _ = decode(&CopyOptions::new(format), &input, 3);
        let _ = decode(&text(), &input, 3);
    }
}
