//! The trials of a configuration agent.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::expect::{fails, ignored, same};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{ErrorKind, Host};

use crate::provider::{ConfigAgent, Managed};

/// What the trials need of the one who runs them. They act on one node, one after the other.
#[async_trait]
pub trait AgentHarness: Send + Sync {
    /// The node's system.
    fn host(&self) -> Arc<dyn Host>;

    /// The node as the agent sees it.
    fn managed(&self) -> Managed;

    /// A file of the node that [`sound`](Self::sound) writes, with the name and the variable `colour` that dip gives it:
    /// `n1.lab.example blue`. Nobody else writes it.
    fn file(&self) -> String;

    /// An agent that writes the file and has nothing else to do.
    fn sound(&self) -> Arc<dyn ConfigAgent>;

    /// An agent that cannot do a part of what it should, and a word of what it says then.
    fn broken(&self) -> (Arc<dyn ConfigAgent>, &'static str);

    /// An agent that is told something that it cannot read.
    fn unreadable(&self) -> Arc<dyn ConfigAgent>;

    /// An agent that a node or a server of its own does not answer; `None` where it asks nobody.
    fn dead(&self) -> Option<(Arc<dyn ConfigAgent>, Managed)>;

    /// The name of a fact that the agent tells of every node.
    fn known_fact(&self) -> &'static str;
}

/// The trials of a configuration agent.
#[must_use]
pub fn config_agent(harness: Arc<dyn AgentHarness>) -> Vec<Trial> {
    macro_rules! trials {
        ($($name:ident),* $(,)?) => {
            vec![$({
                let harness = Arc::clone(&harness);
                Trial::new(stringify!($name), move || async move { $name(&*harness).await })
            }),*]
        };
    }
    trials![
        a_probe_tells_what_a_run_would_change_and_changes_nothing,
        a_run_does_what_the_system_says_with_what_the_site_knows,
        running_twice_is_as_running_once,
        what_somebody_else_changed_is_told_and_put_right,
        a_part_that_fails_is_told_in_its_own_words,
        what_cannot_be_read_is_invalid,
        one_that_does_not_answer_is_unreachable,
        what_the_agent_knows_of_the_node_comes_back,
    ]
}

async fn text(harness: &dyn AgentHarness) -> Result<Option<String>, Failure> {
    let content = harness.host().read(&harness.file()).await?;
    Ok(content.map(|content| String::from_utf8_lossy(&content.bytes).trim().to_owned()))
}

fn wanted(harness: &dyn AgentHarness) -> Option<String> {
    let managed = harness.managed();
    Some(format!("{} {}", managed.name, managed.vars.get("colour").map_or("", String::as_str)))
}

async fn a_probe_tells_what_a_run_would_change_and_changes_nothing(
    harness: &dyn AgentHarness,
) -> Result<Verdict, Failure> {
    harness.host().remove(&harness.file()).await?;
    let recap = harness.sound().probe(&harness.managed(), &*harness.host()).await?;
    same("whether a run would change nothing", &recap.changed.is_empty(), &false)?;
    same("what failed", &recap.failed, &Vec::new())?;
    same("the file after a probe", &text(harness).await?, &None)?;
    Ok(Verdict::Passed)
}

async fn a_run_does_what_the_system_says_with_what_the_site_knows(
    harness: &dyn AgentHarness,
) -> Result<Verdict, Failure> {
    harness.host().remove(&harness.file()).await?;
    let (agent, managed, host) = (harness.sound(), harness.managed(), harness.host());
    let recap = agent.run(&managed, &*host).await?;
    same("what failed", &recap.failed, &Vec::new())?;
    same("whether nothing was changed", &recap.changed.is_empty(), &false)?;
    same("the file", &text(harness).await?, &wanted(harness))?;
    let after = agent.probe(&managed, &*host).await?;
    same("what a run would change after a run", &after.changed, &Vec::new())?;
    same("what fails after a run", &after.failed, &Vec::new())?;
    Ok(Verdict::Passed)
}

async fn running_twice_is_as_running_once(harness: &dyn AgentHarness) -> Result<Verdict, Failure> {
    let (agent, managed, host) = (harness.sound(), harness.managed(), harness.host());
    agent.run(&managed, &*host).await?;
    let second = agent.run(&managed, &*host).await?;
    same("what the second run changed", &second.changed, &Vec::new())?;
    same("the file", &text(harness).await?, &wanted(harness))?;
    Ok(Verdict::Passed)
}

async fn what_somebody_else_changed_is_told_and_put_right(harness: &dyn AgentHarness) -> Result<Verdict, Failure> {
    let (agent, managed, host) = (harness.sound(), harness.managed(), harness.host());
    agent.run(&managed, &*host).await?;
    let other = dip_core::provider::FileContent { bytes: b"mine\n".to_vec(), mode: 0o644 };
    host.write(&harness.file(), &other).await?;
    let told = agent.probe(&managed, &*host).await?;
    same("whether the probe sees nothing", &told.is_in_order(), &false)?;
    same("the file after the probe", &text(harness).await?.as_deref(), &Some("mine"))?;
    agent.run(&managed, &*host).await?;
    same("the file", &text(harness).await?, &wanted(harness))?;
    Ok(Verdict::Passed)
}

async fn a_part_that_fails_is_told_in_its_own_words(harness: &dyn AgentHarness) -> Result<Verdict, Failure> {
    let (agent, word) = harness.broken();
    let recap = agent.run(&harness.managed(), &*harness.host()).await?;
    let told: Vec<_> = recap.failed.iter().map(|failed| failed.words.as_str()).collect();
    let found = told.iter().any(|words| words.contains(word));
    if found { Ok(Verdict::Passed) } else { Err(format!("it tells {told:?} and not `{word}`").into()) }
}

async fn what_cannot_be_read_is_invalid(harness: &dyn AgentHarness) -> Result<Verdict, Failure> {
    let result = harness.unreadable().run(&harness.managed(), &*harness.host()).await;
    fails("a run of what cannot be read", result, ErrorKind::Invalid)?;
    Ok(Verdict::Passed)
}

async fn one_that_does_not_answer_is_unreachable(harness: &dyn AgentHarness) -> Result<Verdict, Failure> {
    let Some((agent, managed)) = harness.dead() else { return ignored("the agent asks nobody") };
    match agent.probe(&managed, &*harness.host()).await {
        Err(error) if error.kind() == ErrorKind::Unreachable => {}
        // The node was never known there, which is told without asking.
        Ok(recap) if !recap.changed.is_empty() => {}
        other => return Err(format!("a probe of one that does not answer tells {other:?}").into()),
    }
    let result = agent.run(&managed, &*harness.host()).await;
    fails("a run of one that does not answer", result, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}

async fn what_the_agent_knows_of_the_node_comes_back(harness: &dyn AgentHarness) -> Result<Verdict, Failure> {
    let (agent, managed, host) = (harness.sound(), harness.managed(), harness.host());
    agent.run(&managed, &*host).await?;
    let facts = agent.facts(&managed, &*host).await?;
    let name = harness.known_fact();
    if facts.get(name).is_some_and(|value| !value.is_null()) {
        Ok(Verdict::Passed)
    } else {
        Err(format!("there is no `{name}` in {:?}", facts.keys().collect::<Vec<_>>()).into())
    }
}
