//! What is sent to the shell of a node: commands quoted so that the shell takes nothing apart, and the scripts that read
//! and write files in one command each.

use dip_core::provider::Command;

use super::Elevation;

/// Reads a file: the first line is its mode, all after it is the file. The file is opened once, so that both are of one file.
pub(super) const READ: &str = r#"exec 3<"$1" && stat -L -c %a /proc/self/fd/3 && exec cat <&3"#;

/// Writes a file from standard input: path, mode, number of bytes. The name appears only when all bytes have arrived, because
/// a lost connection looks like the end of the input.
pub(super) const WRITE: &str = r#"set -e
if [ -d "$1" ]; then echo "$1: Is a directory" >&2; exit 1; fi
d=$(dirname -- "$1")
mkdir -p -- "$d"
t=$(mktemp "$d/.dip.XXXXXX")
trap 'rm -f -- "$t"' EXIT
cat >"$t"
n=$(stat -c %s "$t")
if [ "$n" != "$3" ]; then echo "$n of $3 bytes arrived" >&2; exit 1; fi
chmod "$2" "$t"
sync "$t" 2>/dev/null || sync
mv -f -- "$t" "$1""#;

/// A script with its arguments as a command; messages come in English, because some are read.
pub(super) fn script<const N: usize>(text: &str, arguments: [&str; N]) -> Command {
    Command::new("env").args(["LC_ALL=C", "sh", "-c", text, "sh"]).args(arguments)
}

/// A command as a line for a POSIX shell; `None` where it holds a NUL byte, which no argument can.
pub(super) fn line(command: &Command, elevation: Elevation) -> Option<String> {
    let mut line = String::from(match elevation {
        Elevation::None => "exec",
        // -n: a question for a password would wait for ever.
        Elevation::Sudo => "exec sudo -n --",
    });
    for word in std::iter::once(command.program()).chain(command.arguments().iter().map(String::as_str)) {
        if word.contains('\0') {
            return None;
        }
        line.push(' ');
        quote(word, &mut line);
    }
    Some(line)
}

/// Within single quotes a POSIX shell leaves all but the single quote as it is.
fn quote(word: &str, line: &mut String) {
    line.push('\'');
    for (index, part) in word.split('\'').enumerate() {
        if index > 0 {
            line.push_str(r"'\''");
        }
        line.push_str(part);
    }
    line.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_in_an_argument_reaches_the_shell() {
        let command = Command::new("echo").args(["it's", "$(reboot)", "", "a;b"]);
        let line = line(&command, Elevation::Sudo).expect("no NUL");
        assert_eq!(line, r#"exec sudo -n -- 'echo' 'it'\''s' '$(reboot)' '' 'a;b'"#);
    }

    #[test]
    fn a_nul_byte_is_refused() {
        assert_eq!(line(&Command::new("echo").arg("a\0b"), Elevation::None), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// The oracle is the shell itself.
        #[test]
        fn the_shell_gives_back_every_argument(words in prop::collection::vec("[^\0]{0,12}", 1..5)) {
            let command = Command::new("printf").arg("%s\\0").args(words.clone());
            let line = line(&command, Elevation::None).expect("no NUL");
            let output = std::process::Command::new("sh").args(["-c", &line]).output().expect("there is a shell");
            let expected: String = words.iter().map(|word| format!("{word}\0")).collect();
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        }
    }
}
