//! Rust source as far as a check of its imports must understand it: what is code, and which paths stand in it.

use std::collections::BTreeSet;

/// The source with comments blanked and strings emptied.
pub fn code_only(source: &str) -> String {
    let characters: Vec<char> = source.chars().collect();
    let mut code = String::new();
    let mut at = 0;
    let starts =
        |at: usize, text: &str| text.chars().enumerate().all(|(i, c)| characters.get(at + i) == Some(&c));
    while at < characters.len() {
        if starts(at, "//") {
            while at < characters.len() && characters[at] != '\n' {
                at += 1;
            }
        } else if starts(at, "/*") {
            let mut depth = 0;
            loop {
                if starts(at, "/*") {
                    depth += 1;
                    at += 2;
                } else if starts(at, "*/") {
                    depth -= 1;
                    at += 2;
                } else {
                    at += 1;
                }
                if depth == 0 || at >= characters.len() {
                    break;
                }
            }
        } else if let Some(hashes) = raw_string(&characters, at) {
            let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            at += hashes + 2;
            while at < characters.len() && !starts(at, &end) {
                at += 1;
            }
            at += end.len();
            code.push_str("\"\"");
        } else if characters[at] == '"' {
            at += 1;
            while at < characters.len() && characters[at] != '"' {
                at += if characters[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
            code.push_str("\"\"");
        } else if characters[at] == '\'' && character_literal(&characters, at) {
            // The quote and the character, or the quote, the backslash and what it escapes; then to the other quote.
            at += if characters[at + 1] == '\\' { 3 } else { 2 };
            while at < characters.len() && characters[at] != '\'' {
                at += 1;
            }
            at += 1;
            code.push_str("' '");
        } else {
            code.push(characters[at]);
            at += 1;
        }
    }
    code
}

/// The number of hashes if a raw string begins here.
fn raw_string(characters: &[char], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).and_then(|i| characters.get(i));
    if characters[at] != 'r' || before.is_some_and(|c| (c.is_alphanumeric() && *c != 'b') || *c == '_') {
        return None;
    }
    let hashes = characters[at + 1..].iter().take_while(|c| **c == '#').count();
    (characters.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// Whether a quote opens a character ('a', '\n') and not a lifetime ('a).
fn character_literal(characters: &[char], at: usize) -> bool {
    characters.get(at + 1) == Some(&'\\') || characters.get(at + 2) == Some(&'\'')
}

/// The code without modules and items marked `#[cfg(test)]`.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::new();
    let mut rest = code;
    while let Some(found) = rest.find(MARK) {
        out.push_str(&rest[..found]);
        rest = &rest[found + MARK.len()..];
        let body = rest.find(['{', ';']).unwrap_or(rest.len());
        let mut depth = 0;
        let mut end = rest.len();
        for (i, c) in rest[body..].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                end = body + i + c.len_utf8();
                break;
            }
        }
        rest = &rest[end..];
    }
    out + rest
}

/// Every path in the code, `use` groups taken apart: `use a::{b, c::d}` gives `a::b` and `a::c::d`.
pub fn paths(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = String::new();
    let mut words = code;
    while let Some(start) = next_use(words) {
        rest.push_str(&words[..start]);
        let statement = &words[start + "use".len()..];
        let end = statement.find(';').unwrap_or(statement.len());
        expand("", &statement[..end], &mut found);
        words = &statement[end..];
    }
    rest.push_str(words);
    let packed =
        rest.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ::", "::").replace(":: ", "::");
    for piece in packed.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        let piece = piece.trim_end_matches(':');
        if piece.contains("::") {
            found.insert(piece.to_owned());
        }
    }
    for piece in packed.split("extern crate ").skip(1) {
        found.insert(piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
    }
    found
}

/// Where the next keyword `use` stands.
fn next_use(code: &str) -> Option<usize> {
    let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices("use").map(|(at, _)| at).find(|&at| {
        !part_of_word(code[..at].chars().next_back())
            && code[at + 3..].starts_with(|c: char| c.is_whitespace() || c == ':')
            && !code[..at].ends_with("r#")
    })
}

fn expand(prefix: &str, tree: &str, found: &mut BTreeSet<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim().trim_start_matches("::");
        if !path.is_empty() {
            found.insert(format!("{prefix}{path}").split_whitespace().collect());
        }
        return;
    };
    let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let prefix = format!("{prefix}{}", tree[..open].trim().trim_start_matches("::"));
    let mut depth = 0;
    let mut start = 0;
    for (i, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &inner[start..i], found);
                start = i + 1;
            }
            _ => {}
        }
    }
    expand(&prefix, &inner[start..], found);
}
