//! Each block of Rust in docs/guide.md stands, line for line, in the file that the comment before it names; the
//! files are compiled and run by their own tests.

use std::fs;
use std::path::Path;

/// A block: the file named before it, and its lines.
struct Block {
    line: usize,
    file: Option<String>,
    lines: Vec<String>,
}

fn blocks(guide: &str) -> Vec<Block> {
    let (mut blocks, mut comment, mut open) = (Vec::new(), None, None::<Block>);
    for (number, line) in guide.lines().enumerate() {
        match (&mut open, line) {
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), line) => block.lines.push(line.trim().to_owned()),
            (None, "```rust") => {
                open = Some(Block { line: number + 1, file: comment.take(), lines: Vec::new() });
            }
            (None, line) => {
                let named = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                comment = named.map(str::to_owned);
            }
        }
    }
    blocks
}

#[test]
fn each_block_of_the_guide_is_compiled() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("docs/guide.md")).expect("the guide is there");
    let blocks = blocks(&guide);
    assert!(blocks.len() >= 8, "the guide shows code");
    for Block { line, file, lines } in blocks {
        let file = file.unwrap_or_else(|| panic!("docs/guide.md:{line}: no file is named before this block"));
        let text = fs::read_to_string(root.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let of_file: Vec<&str> = text.lines().map(str::trim).collect();
        let found = of_file.windows(lines.len()).any(|window| window == lines);
        assert!(found, "docs/guide.md:{line}: {file} does not have these lines:\n{}", lines.join("\n"));
    }
}
