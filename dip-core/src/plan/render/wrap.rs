//! Long lines as several that fit on a terminal of the usual width.

/// The usual width of a terminal.
const WIDTH: usize = 80;

/// The words of `text` in lines of up to 80 characters, all but the first indented by `indent`. `first` begins the first line
/// as it is. A word that is longer than a line stays whole: it is a name, and somebody will want to copy it.
pub(crate) fn wrap(first: &str, text: &str, indent: usize) -> String {
    let mut out = first.to_owned();
    let mut width = first.chars().count();
    let mut is_start = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !is_start && width + 1 + length > WIDTH {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            width = indent;
        } else if !is_start {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
        is_start = false;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_end_before_the_edge_and_long_names_stay_whole() {
        let words = "word ".repeat(40);
        let text = wrap("  first  ", &words, 4);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(
            text.starts_with("  first  word") && text.lines().skip(1).all(|line| line.starts_with("    word")),
            "{text}"
        );
        let name = "x".repeat(100);
        assert_eq!(wrap("", &format!("a {name} b"), 2), format!("a\n  {name}\n  b\n"));
    }
}
