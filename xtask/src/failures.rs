//! What failed among thousands of tests, kept while their output goes by, to be told once more where a person looks: at the end.

use std::io::{BufRead, BufReader, Read, Write};

/// The line with which a test program begins to tell what failed.
const BEGINS: &str = "failures:";
/// The line with which it ends, whether anything failed or not.
const ENDS: &str = "test result:";

/// Passes the output of test programs on as it comes, and returns what they told of their failures.
///
/// # Errors
///
/// Where the output cannot be read or passed on.
pub(crate) fn pass_on(output: impl Read, mut to: impl Write) -> std::io::Result<String> {
    let mut output = BufReader::new(output);
    let mut failures = String::new();
    let mut telling = false;
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        let text = String::from_utf8_lossy(&line);
        match text.trim_end() {
            BEGINS => telling = true,
            end if end.starts_with(ENDS) => telling = false,
            _ if telling => failures.push_str(&text),
            _ => {}
        }
        line.clear();
    }
    Ok(failures)
}

#[cfg(test)]
mod tests {
    use super::pass_on;

    const OUTPUT: &str = "\
running 3 tests
test bind: a_name_is_written ... ok
test bind: failures: ... FAILED

failures:

---- bind: failures: ----
expected one record, found none


failures:
    bind: failures:

test result: FAILED. 2 passed; 1 failed
running 1 test
test other ... ok

test result: ok. 1 passed; 0 failed
";

    #[test]
    fn what_failed_is_kept_and_all_is_passed_on() {
        let mut passed_on = Vec::new();
        let failures = pass_on(OUTPUT.as_bytes(), &mut passed_on).expect("memory takes all");
        assert_eq!(String::from_utf8_lossy(&passed_on), OUTPUT);
        assert_eq!(
            failures.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>(),
            ["---- bind: failures: ----", "expected one record, found none", "    bind: failures:"]
        );
    }
}
