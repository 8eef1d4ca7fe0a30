//! Placeholders in the values of ranged nodes: `10.0.{r}.{n+10}`, `{(r-1)*25+n:04}`, `{n:02x}`.

/// How deep parentheses may lie in one another.
const DEPTH: usize = 16;

/// The text with its placeholders replaced.
///
/// # Errors
/// A sentence that says what is wrong with one.
pub(crate) fn substitute(text: &str, variables: &[(String, i64)]) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = found.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = found.strip_prefix("}}") {
            out.push('}');
            rest = after;
        } else if let Some(after) = found.strip_prefix('{') {
            let (inner, after) = after
                .split_once('}')
                .ok_or("a `{` is never closed; a brace that stands for itself is written `{{`".to_owned())?;
            out.push_str(&placeholder(inner, variables)?);
            rest = after;
        } else {
            return Err("a `}` was never opened; a brace that stands for itself is written `}}`".to_owned());
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn placeholder(inner: &str, variables: &[(String, i64)]) -> Result<String, String> {
    let (expression, format) = inner.split_once(':').unwrap_or((inner, ""));
    let mut parser = Parser { rest: expression, variables, depth: 0 };
    let number = parser.sum()?;
    parser.skip_space();
    if !parser.rest.is_empty() {
        return Err(format!("`{}` in `{{{inner}}}` cannot be read; known are numbers, + - * and ( )", parser.rest));
    }
    let wrong = || format!("`{format}` is not a format; write `{{n:02}}`, `{{n:x}}` or `{{n:02x}}`");
    let digits = format.trim_end_matches(['x', 'X']);
    let width: usize = match digits {
        "" => 0,
        digits if digits.len() == 2 && digits.starts_with('0') => digits.parse().map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    match &format[digits.len()..] {
        "" => Ok(format!("{number:0width$}")),
        "x" | "X" if number < 0 => Err(format!("{number} is negative and cannot be written in hexadecimal")),
        "x" => Ok(format!("{number:0width$x}")),
        "X" => Ok(format!("{number:0width$X}")),
        _ => Err(wrong()),
    }
}

struct Parser<'a> {
    rest: &'a str,
    variables: &'a [(String, i64)],
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<i64, String> {
        let mut value = self.product()?;
        loop {
            value = if self.eat('+') {
                value.checked_add(self.product()?)
            } else if self.eat('-') {
                value.checked_sub(self.product()?)
            } else {
                return Ok(value);
            }
            .ok_or_else(too_large)?;
        }
    }

    fn product(&mut self) -> Result<i64, String> {
        let mut value = self.atom()?;
        while self.eat('*') {
            value = value.checked_mul(self.atom()?).ok_or_else(too_large)?;
        }
        Ok(value)
    }

    fn atom(&mut self) -> Result<i64, String> {
        if self.eat('(') {
            self.depth += 1;
            if self.depth > DEPTH {
                return Err(format!("parentheses lie more than {DEPTH} deep in one another"));
            }
            let value = self.sum()?;
            self.depth -= 1;
            return if self.eat(')') { Ok(value) } else { Err("a `(` is never closed".to_owned()) };
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.is_empty() {
            return Err("a number or a variable is missing between `{` and `}`".to_owned());
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return word.parse().map_err(|_| format!("`{word}` is not a number"));
        }
        self.variables.iter().find(|(name, _)| name == word).map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<_> = self.variables.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!("unknown variable `{word}`; the ranges of this node have {}", known.join(", "))
        })
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_space();
        let found = self.rest.strip_prefix(wanted);
        if let Some(rest) = found {
            self.rest = rest;
            self.skip_space();
        }
        found.is_some()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }
}

fn too_large() -> String {
    "the number becomes too large".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, String> {
        substitute(text, &[("r".to_owned(), 2), ("n".to_owned(), 11)])
    }

    #[test]
    fn numbers_are_reckoned_and_written_as_the_format_says() {
        assert_eq!(with("10.0.{r}.{n+10}"), Ok("10.0.2.21".to_owned()));
        assert_eq!(with("S{(r-1)*25+n:04}"), Ok("S0036".to_owned()));
        assert_eq!(with("52:54:00:{r:02x}:00:{n:02X}"), Ok("52:54:00:02:00:0B".to_owned()));
        assert_eq!(with("{ r * 3 - 1 }"), Ok("5".to_owned()));
        assert_eq!(with("{{{n}}}"), Ok("{11}".to_owned()));
    }

    #[test]
    fn what_cannot_be_reckoned_is_told() {
        for text in
            ["{q}", "{", "}", "{}", "{n", "{n:3y}", "{n n}", "{(n}", "{0-n:x}", "{n/2}", "{99999999999999999999}"]
        {
            assert!(with(text).is_err(), "{text}");
        }
        assert!(with(&format!("{{{}n}}", "(".repeat(100_000))).is_err());
        assert!(with("{9000000000000000000*9}").is_err());
    }
}
