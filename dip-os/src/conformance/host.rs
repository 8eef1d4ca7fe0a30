//! The trials of a host.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{Command, ErrorKind, FileContent, Host, ProviderError, Retry};
use futures_util::future::join_all;

/// What the trials need of the one who runs them.
///
/// The node must know the commands `true`, `false`, `echo` (with its arguments) and `cat` (of its standard input).
#[async_trait]
pub trait HostHarness: Send + Sync {
    /// The node.
    async fn host(&self) -> Result<Arc<dyn Host>, Failure>;

    /// A directory of the node for the trials, without a `/` at its end; nobody else uses it. It need not exist.
    fn directory(&self) -> String;

    /// The same node with a key that may not log in; `None` where nobody has to log in.
    async fn with_wrong_key(&self) -> Result<Option<Arc<dyn Host>>, Failure>;

    /// The same node with another host key expected than it has; `None` where it proves nothing about itself.
    async fn with_wrong_host_key(&self) -> Result<Option<Arc<dyn Host>>, Failure>;

    /// A node that does not answer.
    async fn dead(&self) -> Result<Arc<dyn Host>, Failure>;

    /// A command that ends itself by a signal; `None` where the node has none.
    fn signalled(&self) -> Option<Command>;

    /// A command that runs for longer than a minute; `None` where the node has none.
    fn slow(&self) -> Option<Command>;
}

/// The trials of a host.
#[must_use]
pub fn host(harness: Arc<dyn HostHarness>) -> Vec<Trial> {
    macro_rules! trials {
        ($($name:ident),* $(,)?) => {
            vec![$({
                let harness = Arc::clone(&harness);
                Trial::new(stringify!($name), move || async move { $name(&*harness).await })
            }),*]
        };
    }
    trials![
        a_command_tells_its_output,
        a_command_that_fails_is_no_error_and_tells_its_status,
        a_command_that_is_not_there_is_no_success,
        a_command_that_dies_by_a_signal_has_no_status,
        arguments_arrive_as_they_are,
        standard_input_arrives_whole,
        a_file_is_read_back_byte_by_byte_with_its_mode,
        a_large_file_is_read_back_byte_by_byte,
        writing_twice_is_as_writing_once,
        a_file_is_replaced_whole,
        a_file_that_is_absent_reads_as_none,
        a_file_is_removed_and_removing_it_again_is_no_error,
        a_wrong_key_is_denied_for_good,
        a_wrong_host_key_is_denied_for_good_with_both_fingerprints,
        a_dead_node_is_unreachable_and_may_come_back,
        an_abandoned_command_leaves_a_node_that_still_answers,
        an_abandoned_write_leaves_the_old_file_or_the_new_one,
        a_hundred_commands_run_at_once,
    ]
}

/// Fails with a sentence where something is not as it must be.
fn must(holds: bool, sentence: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(sentence().into()) }
}

fn content(bytes: impl Into<Vec<u8>>, mode: u32) -> FileContent {
    FileContent { bytes: bytes.into(), mode }
}

/// Every byte value, in an order that no text tool leaves alone.
fn all_bytes(count: usize) -> Vec<u8> {
    (0..count).map(|index| u8::try_from(index * 31 % 256).expect("less than 256")).collect()
}

async fn a_command_tells_its_output(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let output = harness.host().await?.run(&Command::new("echo").arg("hello")).await?;
    must(output.succeeded() && output.stdout == b"hello\n" && output.stderr.is_empty(), || format!("{output:?}"))?;
    Ok(Verdict::Passed)
}

async fn a_command_that_fails_is_no_error_and_tells_its_status(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let output = harness.host().await?.run(&Command::new("false")).await?;
    must(output.status == Some(1), || format!("{output:?}"))?;
    Ok(Verdict::Passed)
}

async fn a_command_that_is_not_there_is_no_success(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let output = harness.host().await?.run(&Command::new("dip-no-such-program")).await?;
    must(output.status == Some(127), || format!("a shell tells 127, this is {output:?}"))?;
    Ok(Verdict::Passed)
}

async fn a_command_that_dies_by_a_signal_has_no_status(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let Some(command) = harness.signalled() else {
        return Ok(Verdict::Ignored("no command of this node dies by a signal".to_owned()));
    };
    let output = harness.host().await?.run(&command).await?;
    must(output.status.is_none(), || format!("{output:?}"))?;
    Ok(Verdict::Passed)
}

async fn arguments_arrive_as_they_are(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let words = ["it's", "$HOME", "$(echo no)", "a;b|c&", "", "two  spaces", "\"", "*", "ü", "line\nbreak", "\\n"];
    let output = harness.host().await?.run(&Command::new("echo").args(words)).await?;
    // Shells differ in what their own `echo` makes of a backslash; the program leaves it.
    must(output.text() == words.join(" "), || format!("{:?} is not {:?}", output.text(), words.join(" ")))?;
    Ok(Verdict::Passed)
}

async fn standard_input_arrives_whole(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let host = harness.host().await?;
    for size in [0, 1, 300_000] {
        let bytes = all_bytes(size);
        let output = host.run(&Command::new("cat").input(bytes.clone())).await?;
        must(output.succeeded() && output.stdout == bytes, || {
            format!("{} of {size} bytes came back, status {:?}", output.stdout.len(), output.status)
        })?;
    }
    Ok(Verdict::Passed)
}

async fn a_file_is_read_back_byte_by_byte_with_its_mode(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let host = harness.host().await?;
    // The parents are missing: they are made.
    let path = format!("{}/some/where/it's a file", harness.directory());
    for wanted in [content(all_bytes(1000), 0o640), content(Vec::new(), 0o600), content(*b"\n\n", 0o755)] {
        host.write(&path, &wanted).await?;
        let found = host.read(&path).await?;
        must(found.as_ref() == Some(&wanted), || format!("wrote {wanted:?}, found {found:?}"))?;
    }
    Ok(Verdict::Passed)
}

async fn a_large_file_is_read_back_byte_by_byte(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let host = harness.host().await?;
    let path = format!("{}/large", harness.directory());
    let wanted = content(all_bytes(5 << 20), 0o644);
    host.write(&path, &wanted).await?;
    let found = host.read(&path).await?;
    must(found.as_ref() == Some(&wanted), || format!("{:?} bytes came back", found.map(|found| found.bytes.len())))?;
    Ok(Verdict::Passed)
}

async fn writing_twice_is_as_writing_once(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let host = harness.host().await?;
    let path = format!("{}/twice", harness.directory());
    let wanted = content(*b"once", 0o644);
    host.write(&path, &wanted).await?;
    host.write(&path, &wanted).await?;
    must(host.read(&path).await? == Some(wanted), || "it is another file".to_owned())?;
    Ok(Verdict::Passed)
}

async fn a_file_is_replaced_whole(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let host = harness.host().await?;
    let path = format!("{}/replaced", harness.directory());
    let (old, new) = (content(vec![b'o'; 200_000], 0o644), content(vec![b'n'; 100_000], 0o600));
    host.write(&path, &old).await?;
    let write = host.write(&path, &new);
    let read = async {
        for _ in 0..5 {
            let found = host.read(&path).await?;
            let whole = found.as_ref().is_some_and(|found| found.bytes == old.bytes || found.bytes == new.bytes);
            must(whole, || "a reader saw a part of a file".to_owned())?;
        }
        Ok::<(), Failure>(())
    };
    let (written, read) = futures_util::future::join(write, read).await;
    written?;
    read?;
    must(host.read(&path).await? == Some(new), || "the old file is still there".to_owned())?;
    Ok(Verdict::Passed)
}

async fn a_file_that_is_absent_reads_as_none(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let host = harness.host().await?;
    let file = format!("{}/file", harness.directory());
    host.write(&file, &content(*b"x", 0o644)).await?;
    for path in [format!("{}/absent", harness.directory()), format!("{file}/below")] {
        let found = host.read(&path).await?;
        must(found.is_none(), || format!("{path}: {found:?}"))?;
    }
    Ok(Verdict::Passed)
}

async fn a_file_is_removed_and_removing_it_again_is_no_error(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let host = harness.host().await?;
    let path = format!("{}/removed", harness.directory());
    host.write(&path, &content(*b"x", 0o644)).await?;
    host.remove(&path).await?;
    must(host.read(&path).await?.is_none(), || "it is still there".to_owned())?;
    host.remove(&path).await?;
    Ok(Verdict::Passed)
}

/// A command that must fail, and with which error.
async fn failure_of(host: &dyn Host) -> Result<ProviderError, Failure> {
    match host.run(&Command::new("true")).await {
        Ok(output) => Err(format!("it must fail and tells {output:?}").into()),
        Err(error) => Ok(error),
    }
}

async fn a_wrong_key_is_denied_for_good(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let Some(host) = harness.with_wrong_key().await? else {
        return Ok(Verdict::Ignored("nobody has to log in".to_owned()));
    };
    let error = failure_of(&*host).await?;
    must(error.kind() == ErrorKind::Denied && error.retry() == Retry::Never, || format!("{error:?}"))?;
    Ok(Verdict::Passed)
}

async fn a_wrong_host_key_is_denied_for_good_with_both_fingerprints(
    harness: &dyn HostHarness,
) -> Result<Verdict, Failure> {
    let Some(host) = harness.with_wrong_host_key().await? else {
        return Ok(Verdict::Ignored("the node proves nothing about itself".to_owned()));
    };
    let error = failure_of(&*host).await?;
    must(error.kind() == ErrorKind::Denied && error.retry() == Retry::Never, || format!("{error:?}"))?;
    let text = error.to_string();
    must(text.matches("SHA256:").count() == 2, || format!("the message names not both keys: {text}"))?;
    Ok(Verdict::Passed)
}

async fn a_dead_node_is_unreachable_and_may_come_back(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let error = failure_of(&*harness.dead().await?).await?;
    must(error.kind() == ErrorKind::Unreachable && error.retry() == Retry::Backoff, || format!("{error:?}"))?;
    Ok(Verdict::Passed)
}

async fn an_abandoned_command_leaves_a_node_that_still_answers(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let Some(slow) = harness.slow() else {
        return Ok(Verdict::Ignored("no command of this node is slow".to_owned()));
    };
    let host = harness.host().await?;
    // More than a server keeps sessions for: none may stay in the way of the next command.
    for _ in 0..12 {
        let abandoned = tokio::time::timeout(Duration::from_millis(100), host.run(&slow)).await;
        must(abandoned.is_err(), || "the slow command has ended".to_owned())?;
    }
    let output = host.run(&Command::new("true")).await?;
    must(output.succeeded(), || format!("{output:?}"))?;
    Ok(Verdict::Passed)
}

async fn an_abandoned_write_leaves_the_old_file_or_the_new_one(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let host = harness.host().await?;
    let path = format!("{}/abandoned", harness.directory());
    let (old, new) = (content(*b"old", 0o644), content(all_bytes(4 << 20), 0o644));
    host.write(&path, &old).await?;
    for milliseconds in [0, 5, 20, 50] {
        // Whether it is done in this time does not matter.
        let _ = tokio::time::timeout(Duration::from_millis(milliseconds), host.write(&path, &new)).await;
        let found = host.read(&path).await?;
        must(found.as_ref() == Some(&old) || found.as_ref() == Some(&new), || {
            format!("{:?} bytes are neither of both", found.map(|found| found.bytes.len()))
        })?;
    }
    Ok(Verdict::Passed)
}

async fn a_hundred_commands_run_at_once(harness: &dyn HostHarness) -> Result<Verdict, Failure> {
    let host = harness.host().await?;
    let commands: Vec<_> = (0..100).map(|number| Command::new("echo").arg(number.to_string())).collect();
    let outputs = join_all(commands.iter().map(|command| host.run(command))).await;
    for (number, output) in outputs.into_iter().enumerate() {
        let output = output?;
        must(output.text() == number.to_string(), || format!("command {number} tells {output:?}"))?;
    }
    Ok(Verdict::Passed)
}
