//! Rust source as words, marks and string literals, with their lines; comments are gone.
//!
//! Searching text would find `thread::spawn` in every doc comment. A parser would be exact but slow to build and
//! would trip over macros; the few patterns looked for need neither.

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its line, from 1.
    pub line: u32,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An identifier, keyword or number.
    Word(String),
    /// One character of punctuation.
    Mark(char),
    /// A string literal's content, escapes left as written.
    Text(String),
}

impl Token {
    /// The word, if it is one.
    pub fn word(&self) -> Option<&str> {
        if let Kind::Word(word) = &self.kind { Some(word) } else { None }
    }

    /// Whether it is this mark.
    pub fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// All tokens of a file.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source, line: 1, out: Vec::new() };
    while lexer.step() {}
    lexer.out
}

struct Lexer<'a> {
    rest: &'a str,
    line: u32,
    out: Vec<Token>,
}

impl Lexer<'_> {
    /// Moves on by `bytes`, counting lines.
    fn skip(&mut self, bytes: usize) -> &str {
        let (done, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.line += done.bytes().filter(|&byte| byte == b'\n').count() as u32;
        self.rest = rest;
        done
    }

    fn push(&mut self, kind: Kind, line: u32) {
        self.out.push(Token { kind, line });
    }

    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        let line = self.line;
        if first.is_whitespace() {
            let end = self.rest.find(|c: char| !c.is_whitespace()).unwrap_or(self.rest.len());
            self.skip(end);
        } else if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.skip(end);
        } else if self.rest.starts_with("/*") {
            self.block_comment();
        } else if let Some(hashes) = raw_string(self.rest) {
            let open = self.rest.find('"').expect("a raw string has a quote") + 1;
            self.skip(open);
            let close = format!("\"{}", "#".repeat(hashes));
            let end = self.rest.find(&close).unwrap_or(self.rest.len());
            let text = self.skip(end).to_owned();
            self.skip(close.len());
            self.push(Kind::Text(text), line);
        } else if first == '"' || self.rest.starts_with("b\"") || self.rest.starts_with("c\"") {
            let open = if first == '"' { 1 } else { 2 };
            self.skip(open);
            let end = unescaped_quote(self.rest, b'"');
            let text = self.skip(end).to_owned();
            self.skip(1);
            self.push(Kind::Text(text), line);
        } else if first == '\'' {
            self.character_or_lifetime();
        } else if first.is_alphanumeric() || first == '_' {
            let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
            let word = self.skip(end).to_owned();
            self.push(Kind::Word(word), line);
        } else {
            self.skip(first.len_utf8());
            self.push(Kind::Mark(first), line);
        }
        true
    }

    fn block_comment(&mut self) {
        let (mut depth, mut at) = (0_usize, 0);
        let bytes = self.rest.as_bytes();
        while at < bytes.len() {
            match &bytes[at..(at + 2).min(bytes.len())] {
                b"/*" => (depth, at) = (depth + 1, at + 2),
                b"*/" => (depth, at) = (depth - 1, at + 2),
                _ => at += 1,
            }
            if depth == 0 {
                break;
            }
        }
        self.skip(at);
    }

    /// `'a'` and `'\n'` are characters, `'a` is a lifetime; neither is of interest.
    fn character_or_lifetime(&mut self) {
        let mut characters = self.rest.chars().skip(1);
        let (second, third) = (characters.next(), characters.next());
        if second == Some('\\') {
            let end = 1 + unescaped_quote(&self.rest[1..], b'\'');
            self.skip(end + 1);
        } else if third == Some('\'') {
            self.skip(2 + second.map_or(0, char::len_utf8));
        } else {
            self.skip(1);
        }
    }
}

/// The number of `#` of a raw string that starts here.
fn raw_string(text: &str) -> Option<usize> {
    let after = ["r", "br", "cr"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = after.bytes().take_while(|&byte| byte == b'#').count();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// The position of the first `quote` that no backslash precedes.
fn unescaped_quote(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, wanted: &str) {
        let shown: Vec<String> = tokens(source)
            .into_iter()
            .map(|token| match token.kind {
                Kind::Word(word) => word,
                Kind::Mark(mark) => mark.to_string(),
                Kind::Text(text) => format!("<{text}>"),
            })
            .collect();
        assert_eq!(shown.join(" "), wanted, "{source}");
    }

    #[test]
    fn code_is_told_from_what_only_looks_like_it() {
        check("a::b(1_000)", "a : : b ( 1_000 )");
        check("a // thread::spawn\nb", "a b");
        check("a /* x /* y */ z */ b", "a b");
        check("/// docs\n//! more\nfn", "fn");
        check(r#"f("a\"b", 'x', '\'', '"')"#, r#"f ( <a\"b> , , , )"#);
        check("r#\"raw \"x\" y\"# z", r#"<raw "x" y> z"#);
        check("br\"x\" b\"y\" c\"z\"", "<x> <y> <z>");
        check("fn f<'a>(x: &'a str) { 'outer: loop {} }", "fn f < a > ( x : & a str ) { outer : loop { } }");
        check("r#type", "r # type");
        check("'é' ü", "ü");
    }

    #[test]
    fn every_token_knows_its_line() {
        let lines: Vec<u32> = tokens("a\n/* \n */ b\n\"x\ny\" c").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 3, 4, 5]);
    }

    #[test]
    fn unfinished_text_ends_at_the_end() {
        check("\"open", "<open>");
        check("a /* open", "a");
        check("r#\"open", "<open>");
        check("'", "");
        check("\"back\\", "<back\\>");
    }
}
