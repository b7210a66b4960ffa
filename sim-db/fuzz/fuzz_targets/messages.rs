//! The parsers of the protocol and of COPY's formats: no bytes make them panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sim_db::{
    copy::{CopyFormat, CopyOptions, Decoder},
    wire::{frontend, startup},
};

fuzz_target!(|data: &[u8]| {
    let Some((&tag, body)) = data.split_first() else { return };
    let _ = startup::parse(body);
    let _ = frontend::parse(tag, body);
    for format in [CopyFormat::Text, CopyFormat::Csv, CopyFormat::Binary] {
        let mut decoder = Decoder::new(CopyOptions::new(format), vec!["a".to_owned(), "b".to_owned()]);
        for piece in body.chunks(1 + usize::from(tag)) {
            if decoder.push(piece).is_err() {
                break;
            }
        }
        let _ = decoder.finish();
    }
});
