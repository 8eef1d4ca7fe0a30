//! Families of sites: what real sites are made of, with durations drawn from a seed.

use super::Random;

/// A site to be brought up, and how much of it may go on at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Instance {
    pub(crate) tasks: Vec<Task>,
    /// The name and the capacity of each lock.
    pub(crate) locks: Vec<(String, u32)>,
    pub(crate) workers: usize,
}

/// A step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Task {
    pub(crate) millis: u64,
    /// All of these come before.
    pub(crate) after: Vec<usize>,
    /// At least so many of these come before.
    pub(crate) quorum: Option<(usize, Vec<usize>)>,
    /// The lock and how much of it.
    pub(crate) lock: Option<(usize, u32)>,
}

/// How narrow the limits are: how long the work behind a lock takes, in critical paths of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tightness {
    /// About a quarter.
    Loose,
    /// About one: neither the longest chain nor the locks alone tell how long it takes.
    Mid,
    /// About four.
    Tight,
}

impl Tightness {
    pub(crate) const ALL: [Self; 3] = [Self::Loose, Self::Mid, Self::Tight];

    const fn factor(self) -> f64 {
        match self {
            Self::Loose => 0.25,
            Self::Mid => 1.0,
            Self::Tight => 4.0,
        }
    }
}

/// The names of the families.
pub(crate) const FAMILIES: [&str; 6] = ["racks", "images", "zones", "chains", "barriers", "clusters"];

const RACK: usize = 40;

/// A site of a family with so many nodes.
pub(crate) fn instance(family: &str, nodes: usize, tightness: Tightness, seed: u64) -> Instance {
    let mut site = Builder { random: Random::new(seed), instance: Instance::default() };
    match family {
        "racks" => site.racks(nodes),
        "images" => site.images(nodes),
        "zones" => site.zones(nodes),
        "chains" => site.chains(nodes),
        "barriers" => site.barriers(nodes),
        _ => site.clusters(nodes),
    }
    site.limit(tightness)
}

struct Builder {
    random: Random,
    instance: Instance,
}

impl Builder {
    fn lock(&mut self, name: String) -> usize {
        self.instance.locks.push((name, 1));
        self.instance.locks.len() - 1
    }

    /// A step of so many seconds, give or take, behind others.
    fn step(&mut self, seconds: f64, after: &[usize], lock: Option<usize>) -> usize {
        let millis = (seconds * 1000.0 * self.random.between(0.5, 1.5)) as u64;
        let lock = lock.map(|lock| (lock, 1));
        self.instance.tasks.push(Task { millis: millis.max(1), after: after.to_vec(), quorum: None, lock });
        self.instance.tasks.len() - 1
    }

    /// BMCs behind the sessions that the management switch of a rack bears, then a boot, an installation and records.
    fn racks(&mut self, nodes: usize) {
        let zone = self.lock("zone/site".to_owned());
        for rack in 0..nodes.div_ceil(RACK) {
            let sessions = self.lock(format!("bmc/rack{rack}"));
            for _ in 0..RACK.min(nodes - rack * RACK) {
                let identify = self.step(4.0, &[], Some(sessions));
                let port = self.step(2.0, &[], None);
                let bios = self.step(20.0, &[identify], Some(sessions));
                let on = self.step(6.0, &[bios, port], Some(sessions));
                let boot = self.step(240.0, &[on], None);
                let install = self.step(300.0, &[boot], None);
                let record = self.step(0.4, &[identify], Some(zone));
                let time = self.step(8.0, &[install, record], None);
                self.step(3.0, &[time], None);
            }
        }
    }

    /// Images of three sizes from a few boot servers; a large one takes a larger part of the link.
    fn images(&mut self, nodes: usize) {
        let servers: Vec<usize> =
            (0..nodes.div_ceil(RACK * 4)).map(|index| self.lock(format!("downloads/boot{index}"))).collect();
        for node in 0..nodes {
            let server = servers[node % servers.len()];
            let (weight, seconds) = [(1, 30.0), (2, 60.0), (4, 90.0)][self.random.below(3)];
            let on = self.step(60.0, &[], None);
            let image = self.step(seconds, &[on], Some(server));
            self.instance.tasks[image].lock = Some((server, weight));
            let first = self.step(120.0, &[image], None);
            let packages = self.step(40.0, &[first], Some(server));
            let settings = self.step(5.0, &[packages], None);
            self.step(2.0, &[settings], None);
        }
    }

    /// Many short updates of few zones, in the way of long work on the nodes.
    fn zones(&mut self, nodes: usize) {
        let zones: Vec<usize> = (0..nodes.div_ceil(250)).map(|index| self.lock(format!("zone/z{index}"))).collect();
        let reverse = self.lock("zone/reverse".to_owned());
        for node in 0..nodes {
            let zone = zones[node * zones.len() / nodes];
            let name = self.step(0.5, &[], Some(zone));
            let pointer = self.step(0.3, &[name], Some(reverse));
            let resolver = self.step(10.0, &[name], None);
            let long = self.random.between(5.0, 400.0);
            let system = self.step(long, &[resolver], None);
            let agent = self.step(20.0, &[system, pointer], None);
            self.step(0.5, &[agent], Some(zone));
        }
    }

    /// Nodes one after the other in groups of very different length: a rolling change.
    fn chains(&mut self, nodes: usize) {
        let services: Vec<usize> = (0..8).map(|index| self.lock(format!("service/s{index}"))).collect();
        let mut left = nodes;
        while left > 0 {
            let length = (1 + self.random.below(24)).min(left);
            left -= length;
            let mut last: Vec<usize> = Vec::new();
            for _ in 0..length {
                let service = services[self.random.below(services.len())];
                let drain = self.step(10.0, &last, Some(service));
                let reboot = self.step(60.0, &[drain], None);
                let back = self.step(5.0, &[reboot], Some(service));
                let prepare = self.step(20.0, &[], None);
                let check = self.step(2.0, &[back, prepare], None);
                last = vec![check];
            }
        }
    }

    /// Rack by rack all nodes must be there before any goes on, twice.
    fn barriers(&mut self, nodes: usize) {
        let switches = self.lock("switches".to_owned());
        for rack in 0..nodes.div_ceil(RACK) {
            let sessions = self.lock(format!("bmc/rack{rack}"));
            let count = RACK.min(nodes - rack * RACK);
            let mut all: Vec<usize> = (0..count).map(|_| self.step(15.0, &[], Some(sessions))).collect();
            for round in 0..2 {
                let own: Vec<usize> = all.clone();
                let gate = self.step(5.0, &own, Some(switches));
                all = (0..count)
                    .map(|_| {
                        let boot = self.step(90.0, &[gate], None);
                        let change = self.step(10.0 + 10.0 * f64::from(round), &[boot], Some(sessions));
                        self.step(4.0, &[change], None)
                    })
                    .collect();
            }
        }
    }

    /// Clusters come up: a quorum of monitors, then storage behind it, then clients.
    fn clusters(&mut self, nodes: usize) {
        let images = self.lock("downloads/boot".to_owned());
        let mut left = nodes;
        while left > 0 {
            let size = (10 + self.random.below(60)).min(left);
            left -= size;
            let admin = self.lock(format!("cluster/{left}"));
            let installed: Vec<usize> = (0..size)
                .map(|_| {
                    let on = self.step(90.0, &[], None);
                    let image = self.step(30.0, &[on], Some(images));
                    self.step(60.0, &[image], None)
                })
                .collect();
            let monitors: Vec<usize> =
                installed.iter().take(5).map(|node| self.step(20.0, &[*node], Some(admin))).collect();
            let quorum = monitors.len() / 2 + 1;
            let stores: Vec<usize> = installed
                .iter()
                .map(|node| {
                    let store = self.step(15.0, &[*node], Some(admin));
                    self.instance.tasks[store].quorum = Some((quorum, monitors.clone()));
                    store
                })
                .collect();
            let pool = self.step(10.0, &stores, Some(admin));
            for _ in 0..size / 4 {
                let client = self.step(25.0, &[pool], None);
                self.step(2.0, &[client], None);
            }
        }
    }

    /// Sets capacities so that the work behind each lock, and behind the workers, takes about so many critical paths.
    fn limit(mut self, tightness: Tightness) -> Instance {
        let path = super::bound::critical_path(&self.instance) as f64;
        let mut work = vec![0.0; self.instance.locks.len()];
        let mut widest = vec![1_u32; self.instance.locks.len()];
        for task in &self.instance.tasks {
            if let Some((lock, weight)) = task.lock {
                work[lock] += task.millis as f64 * f64::from(weight);
                widest[lock] = widest[lock].max(weight);
            }
        }
        for (index, lock) in self.instance.locks.iter_mut().enumerate() {
            let factor = tightness.factor() * self.random.between(0.6, 1.1);
            lock.1 = ((work[index] / (path * factor)).ceil() as u32).max(widest[index]);
        }
        let all: f64 = self.instance.tasks.iter().map(|task| task.millis as f64).sum();
        let factor = tightness.factor() * self.random.between(0.6, 1.1);
        self.instance.workers = ((all / (path * factor)).ceil() as usize).max(1);
        self.instance
    }
}
