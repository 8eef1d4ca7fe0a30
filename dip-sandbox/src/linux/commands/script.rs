//! `sh -c SCRIPT`, for scripts of the few words that dip and its trials use; any other word is looked up as a program.

use dip_core::provider::Output;

use crate::linux::shell::{Invocation, Shell, failed};

/// Runs the commands of a script, separated by `;`, `&&` and new lines, up to the first `exit` or `kill ... $$`. Quotes are understood; `>&2` and
/// `>FILE` are not simulated beyond what [`redirected`] says.
pub(super) fn sh(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let Some(script) = invocation.value("-c") else { return failed(2, "sh: only `sh -c SCRIPT` is simulated") };
    let mut all = Output { status: Some(0), ..Output::default() };
    for command in split(script) {
        let (words, target) = redirected(command);
        let Some((program, arguments)) = words.split_first() else { continue };
        if program == "exit" {
            all.status = arguments.first().and_then(|status| status.parse().ok()).or(all.status);
            return all;
        }
        if program == "kill" && arguments.last().is_some_and(|who| who == "$$") {
            all.status = None;
            return all;
        }
        let output = shell.invoke(&Invocation { program, arguments, input: invocation.input });
        match target {
            Target::Output => all.stdout.extend(output.stdout),
            Target::Error => all.stderr.extend(output.stdout),
        }
        all.stderr.extend(output.stderr);
        all.status = output.status;
    }
    all
}

/// Where the standard output of a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Output,
    Error,
}

/// Takes a `>&2` or `1>&2` out of the words of a command.
fn redirected(mut words: Vec<String>) -> (Vec<String>, Target) {
    let before = words.len();
    words.retain(|word| word != ">&2" && word != "1>&2");
    let target = if words.len() < before { Target::Error } else { Target::Output };
    (words, target)
}

/// The commands of a script, each as its words.
fn split(script: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let (mut word, mut inside, mut quote) = (String::new(), false, None);
    let mut letters = script.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '\'' | '"') => (quote, inside) = (Some(letter), true),
            (None, ';' | '\n') => {
                finish(&mut commands, &mut word, &mut inside);
                commands.push(Vec::new());
            }
            (None, '&') if !word.ends_with('>') => {
                // `a && b`: what comes after is run, because nothing that is simulated here depends on a failure before it.
                letters.next_if_eq(&'&');
                finish(&mut commands, &mut word, &mut inside);
                commands.push(Vec::new());
            }
            (None, _) if letter.is_whitespace() => finish(&mut commands, &mut word, &mut inside),
            (None, _) => {
                word.push(letter);
                inside = true;
            }
        }
    }
    finish(&mut commands, &mut word, &mut inside);
    commands.retain(|command| !command.is_empty());
    commands
}

fn finish(commands: &mut [Vec<String>], word: &mut String, inside: &mut bool) {
    if std::mem::take(inside)
        && let Some(command) = commands.last_mut()
    {
        command.push(std::mem::take(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_split_into_commands_and_words() {
        let commands = split("echo 'a b' >&2; exit 3");
        assert_eq!(commands, [vec!["echo", "a b", ">&2"], vec!["exit", "3"]]);
        assert_eq!(redirected(commands[0].clone()), (vec!["echo".to_owned(), "a b".to_owned()], Target::Error));
    }
}
