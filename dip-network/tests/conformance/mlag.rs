//! An MLAG pair of two Open vSwitches, and a third one as the node: whether its bond over both forms one aggregator.

use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::{Failure, Trial, Verdict, not_installed};
use dip_core::layer::Layer;
use dip_core::operation::Check;
use dip_core::site::{Format, Lock, Site, Source};
use dip_core::step::Step;
use dip_lab::{Ovs, Requirement};
use dip_network::NetworkLayer;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::openvswitch::is;
use crate::{step, wait};

const SERVER: &str = "openvswitch pair";
const BRIDGE: &str = "br0";
/// The node asks anew each second (`lacp-time=fast`), and gives a partner up after three of them.
const AGREE: Duration = Duration::from_secs(20);

struct Rig {
    switches: [Ovs; 2],
    node: Ovs,
}

pub(crate) async fn trials() -> Vec<Trial> {
    if let Err(missing) = Requirement::OpenVSwitch.check() {
        return vec![Trial::new("all_trials", move || async move { not_installed(missing.to_string()) }).on(SERVER)];
    }
    let rig = match Rig::start().await {
        Ok(rig) => Arc::new(Mutex::new(rig)),
        Err(failure) => return vec![Trial::new("it_starts", move || async move { Err(failure) }).on(SERVER)],
    };
    let trial = move || async move { a_bond_over_both_switches_is_one_aggregator(&*rig.lock().await) };
    vec![Trial::new("a_bond_over_both_switches_is_one_aggregator", trial).on(SERVER)]
}

/// What the site says of the node's interfaces: whether the switches are a pair, and whether the ports are in an aggregation.
#[derive(Clone, Copy)]
enum Wish {
    TwoSwitches,
    Pair,
    NoAggregation,
    NodeGone,
}

impl Rig {
    /// Two cables to the first switch and one to the second.
    async fn start() -> Result<Self, Failure> {
        let (first, second, node) = (Ovs::start().await?, Ovs::start().await?, Ovs::start().await?);
        for ovs in [&first, &second, &node] {
            ovs.add_bridge(BRIDGE).await?;
        }
        for (switch, port, nic) in [(&first, "p1", "eth0"), (&first, "p2", "eth1"), (&second, "p1", "eth2")] {
            switch.cable(port, &node, nic).await?;
            switch.add_port(BRIDGE, port, 999).await?;
            switch.vsctl(&["set", "interface", port, "other_config:keep=yes"]).await?;
        }
        for switch in [&first, &second] {
            switch.add_internal_port(BRIDGE, "other", 998).await?;
        }
        let bond = ["add-bond", BRIDGE, "bond0", "eth0", "eth1", "eth2", "lacp=active", "bond_mode=balance-tcp"];
        node.vsctl(&[&bond[..], &["other_config:lacp-time=fast"]].concat()).await?;
        Ok(Self { switches: [first, second], node })
    }

    fn site(&self, wish: Wish) -> Result<Site, Failure> {
        let [first, second] = self.switches.each_ref().map(|ovs| ovs.db);
        let peer = match wish {
            Wish::TwoSwitches => "",
            Wish::Pair | Wish::NoAggregation | Wish::NodeGone => ", peer: sw2",
        };
        let port = match wish {
            Wish::NoAggregation => "",
            Wish::TwoSwitches | Wish::Pair | Wish::NodeGone => ", port: {lag: bond7}",
        };
        let state = match wish {
            Wish::NodeGone => "state: absent, ",
            Wish::TwoSwitches | Wish::Pair | Wish::NoAggregation => "",
        };
        let text = format!(
            "version: 1\nsite: conformance\nnetworks: {{prod: {{vlan: 20}}}}\n\
             switches:\n  sw1: {{kind: openvswitch, address: \"tcp:{first}\", bridge: {BRIDGE}{peer}}}\n  \
             sw2: {{kind: openvswitch, address: \"tcp:{second}\", bridge: {BRIDGE}}}\n\
             nodes: {{n1: {{{state}nics: {{\
             eth0: {{link: sw1/p1, network: prod{port}}}, \
             eth1: {{link: sw1/p2, network: prod{port}}}, \
             eth2: {{link: sw2/p1, network: prod{port}}}}}}}}}\n"
        );
        let source = Source::new("site.yaml", Format::Yaml, text);
        let parsed = Site::parse(&[source], &NetworkLayer.settings(), &Lock::default());
        parsed.map(|parsed| parsed.site).map_err(|faults| faults.to_string().into())
    }

    /// Checks, applies and checks again; what differed before, as a plan shows it.
    fn bring_about(&self, wish: Wish) -> Result<Vec<String>, Failure> {
        let site = self.site(wish)?;
        let (providers, steps) = (step::connect(&site)?, step::propose(&site)?);
        let mut told = Vec::new();
        for step in &steps {
            if let Check::Differs(diff) = wait(step::check(step, &providers))? {
                told.push(format!("{} {diff}", step.name));
                wait(step::apply(step, &providers))?;
            }
        }
        for step in &steps {
            match wait(step::check(step, &providers))? {
                Check::Holds(_) => {}
                other => return Err(format!("afterwards, {} is {other:?}", step.name).into()),
            }
        }
        Ok(told)
    }

    /// What the plan of an absent node does to the ports that were the node's.
    fn remove(&self) -> Result<(), Failure> {
        let site = self.site(Wish::NodeGone)?;
        let providers = step::connect(&site)?;
        let there: Vec<Step> = step::propose(&self.site(Wish::Pair)?)?;
        for step in there.iter().filter_map(|step| NetworkLayer.remove(&site, step)) {
            wait(step::bring_about(&step, &providers))?;
        }
        Ok(())
    }

    /// What the node's LACP says of its members.
    fn members(&self) -> Result<Vec<Member>, Failure> {
        let told = wait(self.node.appctl(&["lacp/show", "bond0"]))?;
        let members: Vec<_> = told.split("\nmember: ").skip(1).map(Member::read).collect();
        if members.len() == 3 { Ok(members) } else { Err(format!("not three members: {told}").into()) }
    }

    /// Waits until the members are so.
    fn until(&self, what: &str, done: impl Fn(&[Member]) -> bool) -> Result<Vec<Member>, Failure> {
        let end = Instant::now() + AGREE;
        loop {
            let members = self.members()?;
            if done(&members) {
                return Ok(members);
            }
            if Instant::now() > end {
                return Err(format!("{what} within {AGREE:?}: {members:?}").into());
            }
            wait(sleep(Duration::from_millis(200)));
        }
    }

    /// What stands in a row's `other_config`.
    fn config(&self, switch: usize, table: &str, row: &str) -> Result<String, Failure> {
        Ok(wait(self.switches[switch].vsctl(&["--if-exists", "get", table, row, "other_config"]))?)
    }
}

/// A member of the node's bond, as `ovs-appctl lacp/show` tells it.
#[derive(Debug, Clone, PartialEq)]
struct Member {
    is_attached: String,
    system: String,
    key: String,
    port: String,
}

impl Member {
    fn read(text: &str) -> Self {
        let line = |name: &str| {
            let value = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
            value.unwrap_or_default().trim().to_owned()
        };
        let head = text.lines().next().unwrap_or_default();
        let is_attached = head.ends_with(" current attached").to_string();
        let (system, key, port) = (line("partner sys_id"), line("partner key"), line("partner port_id"));
        Self { is_attached, system, key, port }
    }

    fn is_attached(&self) -> bool {
        self.is_attached == "true"
    }
}

fn distinct<'a>(values: impl Iterator<Item = &'a String>) -> usize {
    values.collect::<std::collections::BTreeSet<_>>().len()
}

fn a_bond_over_both_switches_is_one_aggregator(rig: &Rig) -> Result<Verdict, Failure> {
    let others =
        || -> Result<_, Failure> { Ok([rig.config(0, "port", "other")?, rig.config(1, "interface", "other")?]) };
    let before = others()?;

    // Two switches that are no pair are two partners: the node takes the links of one of them alone.
    rig.bring_about(Wish::TwoSwitches)?;
    let attached = |members: &[Member]| members.iter().filter(|member| member.is_attached()).count();
    let heard = |members: &[Member]| members.iter().all(|member| member.system != "00:00:00:00:00:00");
    let apart =
        rig.until("no two partners", |members| heard(members) && distinct(members.iter().map(|m| &m.system)) == 2)?;
    is("that not all are attached", &(attached(&apart) < 3).to_string(), "true")?;

    // A pair is one partner.
    let told = rig.bring_about(Wish::Pair)?;
    let wanted = "network.set_port port/sw1/p1 link aggregation bond7 (LACP active) → bond7 (LACP active, with sw2)";
    is("the plan", told.first().map_or("", String::as_str), wanted)?;
    let one = rig.until("no single aggregator", |members| attached(members) == 3)?;
    is("how many partners there are", &distinct(one.iter().map(|member| &member.system)).to_string(), "1")?;
    is("how many keys", &distinct(one.iter().map(|member| &member.key)).to_string(), "1")?;
    is("how many ports", &distinct(one.iter().map(|member| &member.port)).to_string(), "3")?;
    is("a second plan", &rig.bring_about(Wish::Pair)?.join("\n"), "")?;
    is("what nobody linked", &others()?.join(" "), &before.join(" "))?;

    // Drift made by hand is seen and mended.
    wait(rig.switches[1].vsctl(&["set", "interface", "p1", "other_config:lacp-aggregation-key=9"]))?;
    rig.until("no drift seen by the node", |members| attached(members) < 3)?;
    is("how many ports are mended", &rig.bring_about(Wish::Pair)?.len().to_string(), "1")?;
    rig.until("no single aggregator again", |members| attached(members) == 3)?;

    // The node goes: the marks go with it, and what the ports do stays.
    rig.remove()?;
    is("the mark", &wait(rig.switches[0].vsctl(&["get", "port", "bond7", "external_ids"]))?, "{}")?;
    is("how many are attached", &attached(&rig.members()?).to_string(), "3")?;

    // An aggregation that is not wanted any more leaves nothing of the pair behind.
    rig.bring_about(Wish::NoAggregation)?;
    for (switch, port) in [(0, "p1"), (0, "p2"), (1, "p1")] {
        is("its interface", &rig.config(switch, "interface", port)?, "{keep=yes}")?;
        is("its port", &rig.config(switch, "port", port)?, "{}")?;
        is("the bond", &rig.config(switch, "port", "bond7")?, "")?;
    }
    Ok(Verdict::Passed)
}
