//! Lines of ours in a file of somebody else: between two marks, at its end or that of a section, and nothing else is touched.

/// A block of lines by what it is from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    settings: &'static str,
}

impl Block {
    /// The block for some settings.
    pub(crate) fn of(settings: &'static str) -> Self {
        Self { settings }
    }

    /// The file with these lines in the block, in place of former ones.
    pub(crate) fn put(self, text: &str, lines: &str) -> String {
        let mut rest = self.without(text);
        if !rest.is_empty() && !rest.ends_with('\n') {
            rest.push('\n');
        }
        format!("{rest}{}\n{lines}\n{}\n", self.begin(), self.end())
    }

    /// The same in a file of sections like `[main]`: at the end of one, so that it wins over other lines there.
    pub(crate) fn put_in_section(self, text: &str, section: &str, lines: &str) -> String {
        let rest = self.without(text);
        let header = format!("[{section}]");
        let mut headers = rest.match_indices('[').filter(|(at, _)| *at == 0 || rest[..*at].ends_with('\n'));
        if headers.any(|(at, _)| rest[at..].lines().next().is_some_and(|line| line.trim_end() == header)) {
            let end = headers.next().map_or(rest.len(), |(at, _)| at);
            return self.put(&rest[..end], lines) + &rest[end..];
        }
        self.put(&rest, &format!("{header}\n{lines}"))
    }

    /// The file without the block.
    pub(crate) fn without(self, text: &str) -> String {
        let (begin, end) = (self.begin(), self.end());
        let mut kept = String::new();
        let mut lines = text.split_inclusive('\n').peekable();
        while let Some(line) = lines.next() {
            // A beginning whose end somebody has taken away is a line like others: what follows is not known to be ours.
            let closed = line.trim_end() == begin && lines.clone().any(|line| line.trim_end() == end);
            if closed {
                lines.by_ref().find(|line| line.trim_end() == end);
            } else {
                kept.push_str(line);
            }
        }
        kept
    }

    fn begin(self) -> String {
        format!("# Begin of what dip writes from `{}`. Changes here are undone.", self.settings)
    }

    fn end(self) -> String {
        format!("# End of what dip writes from `{}`.", self.settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Block = Block { settings: "a.b" };

    #[test]
    fn a_block_is_put_once_and_foreign_lines_stay() {
        let first = BLOCK.put("[main]\nx=1", "proxy=one");
        let second = BLOCK.put(&format!("{first}y=2\n"), "proxy=two");
        assert_eq!(second.matches("proxy=").count(), 1, "{second}");
        assert!(second.starts_with("[main]\nx=1\ny=2\n# Begin") && second.contains("\nproxy=two\n"), "{second}");
        assert_eq!(BLOCK.put(&second, "proxy=two"), second);
        assert_eq!(BLOCK.without(&first), "[main]\nx=1\n");
    }

    #[test]
    fn a_block_of_a_section_stands_at_its_end() {
        let first =
            BLOCK.put_in_section("# [main]\n[main]\nproxy=theirs\n\n[extra]\nname=[main]\n", "main", "proxy=ours");
        assert!(first.starts_with("# [main]\n[main]\nproxy=theirs\n\n# Begin"), "{first}");
        assert!(
            first.ends_with("\nproxy=ours\n# End of what dip writes from `a.b`.\n[extra]\nname=[main]\n"),
            "{first}"
        );
        assert_eq!(BLOCK.put_in_section(&first, "main", "proxy=ours"), first);
        let bare = BLOCK.put_in_section("# nothing\n[extra]\nname=x", "main", "proxy=ours");
        assert!(
            bare.starts_with("# nothing\n[extra]\nname=x\n# Begin") && bare.contains("\n[main]\nproxy=ours\n"),
            "{bare}"
        );
        assert_eq!(BLOCK.put_in_section(&bare, "main", "proxy=ours"), bare);
    }

    #[test]
    fn a_block_without_its_end_is_left_alone() {
        let broken = format!("{}\nproxy=old\nmine=1\n", BLOCK.begin());
        assert!(BLOCK.put(&broken, "proxy=new").starts_with(&broken));
    }
}
