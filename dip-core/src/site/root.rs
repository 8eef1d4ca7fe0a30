//! The shape of a whole site file: core's own nouns, with what the layers add to them.

use super::shape::{Field, Noun, Parsed, SettingsSchema, Shape, Variant};
use super::{Lacp, Weekday};
use crate::hardware::Mtu;

/// The shape of a site file, section by section.
pub(crate) struct Root {
    pub(crate) top: Vec<Field>,
    pub(crate) rack: Vec<Field>,
    /// The fields of every switch, and the kinds that are managed, which have them too.
    pub(crate) switch: (Vec<Field>, Vec<Variant>),
    /// The fields of every PDU, and the kinds that are managed, which have them too.
    pub(crate) pdu: (Vec<Field>, Vec<Variant>),
    pub(crate) network: Vec<Field>,
    pub(crate) profile: Vec<Field>,
    pub(crate) node: Vec<Field>,
    pub(crate) services: Vec<Variant>,
    pub(crate) cluster: Vec<Field>,
}

/// The sections of a site file, each a map from names to things.
pub(crate) const SECTIONS: [(&str, Noun, &str); 8] = [
    ("racks", Noun::Rack, "The racks."),
    ("switches", Noun::Switch, "The switches; one without `kind` is known and never touched."),
    ("pdus", Noun::Pdu, "The power distribution units; one without `kind` is known and never touched."),
    ("networks", Noun::Network, "The networks."),
    ("profiles", Noun::Profile, "Settings that nodes inherit."),
    (
        "nodes",
        Noun::Node,
        "The nodes. A range in a name makes one for each number: `r{r:1..4}-n{n:01..25}`, and `{r}`, `{n+10}`, `{n:02x}` stand for the numbers in its values.",
    ),
    ("services", Noun::Service, "The services that the site already has."),
    ("clusters", Noun::Cluster, "The clusters that are wanted."),
];

/// The section that is gone once it is put into all others.
pub(crate) const VALUES: (&str, &str) =
    ("values", "What `${name}` stands for in the texts of the site, in maps of any depth: `${dns.server}`.");

impl Root {
    pub(crate) fn new(settings: &SettingsSchema) -> Self {
        let switch = vec![
            Field::optional("rack", Shape::Reference(Noun::Rack), "The rack that it stands in."),
            Field::optional(
                "ports",
                Shape::list(Shape::Text),
                "Its ports, ranges allowed (`p{1..48}`); a link to any other port is then a fault.",
            ),
            Field::optional(
                "peer",
                Shape::Reference(Noun::Switch),
                "The switch that it is an MLAG pair with; what one says of a pair holds for both.",
            ),
            Field::optional(
                "cabling",
                Shape::Choice(vec!["unchecked", "lldp"]),
                "How the cables at it are compared with this file; `unchecked` where it is left out.",
            ),
        ];
        let pdu = vec![
            Field::optional("rack", Shape::Reference(Noun::Rack), "The rack that it stands in."),
            Field::required("outlets", Shape::integer(1, 1024), "How many outlets it has, counted from 1."),
        ];
        Self {
            top: vec![
                Field::required("version", Shape::integer(1, 1), "The version of the site file's form: 1."),
                Field::required(
                    "site",
                    Shape::Parsed(Parsed::Name),
                    "The site's name, the owner mark of all records that dip writes into other servers.",
                ),
                Field::optional("domain", Shape::Parsed(Parsed::DomainName), "The DNS domain of its nodes."),
                Field::optional(
                    "release",
                    Shape::Text,
                    "Which release of itself this file is, for the files that are laid over it as their base.",
                ),
                Field::optional("base", Shape::Object(base()), "The file that this one is laid over."),
                Field::optional(
                    "classify",
                    Shape::list(Shape::Object(rule())),
                    "Which profile a node without one gets, by what its machine is; the first rule that fits counts.",
                ),
                Field::optional(
                    "manifest",
                    Shape::Parsed(Parsed::Path),
                    "The table (CSV) of the machines that were sent; nodes that name a serial number, or a rack and a position, get the rest from it.",
                ),
                Field::optional(
                    "inventory",
                    Shape::Object(inventory()),
                    "The CMDB that networks, racks and nodes are taken from, beside those of this file.",
                ),
                Field::optional("conduct", Shape::Object(conduct()), "How work at the site is conducted."),
            ],
            rack: vec![Field::optional("row", Shape::Text, "The row that it stands in.")],
            switch: (switch.clone(), with_common(&settings.switches, &switch)),
            pdu: (pdu.clone(), with_common(&settings.pdus, &pdu)),
            network: network(),
            profile: profile(settings),
            node: node(settings),
            services: settings.services.clone(),
            cluster: cluster(settings),
        }
    }
}

fn rule() -> Vec<Field> {
    vec![
        Field::required("profile", Shape::Reference(Noun::Profile), "The profile that fitting machines get."),
        Field::optional("manufacturer", Shape::Text, "The maker; `*` stands for any characters."),
        Field::optional("model", Shape::Text, "The model; `*` stands for any characters."),
        Field::optional("cores", Shape::integer(1, 65_536), "At least so many cores, over all processors."),
        Field::optional("memory_gib", Shape::integer(1, 1_048_576), "At least so many GiB of memory."),
        Field::optional("disks", Shape::integer(1, 1024), "At least so many disks."),
    ]
}

fn inventory() -> Vec<Field> {
    vec![
        Field::required(
            "service",
            Shape::Reference(Noun::Service),
            "The service; its kind is a CMDB that dip can read.",
        ),
        Field::optional(
            "prefer",
            Shape::list(Shape::Choice(vec!["rack", "position", "serial", "nics", "bmc", "row", "vlan", "prefixes"])),
            "What the CMDB knows better than this file; this file wins in all that is not named here.",
        ),
    ]
}

/// What a file says of its base.
pub(crate) fn base() -> Vec<Field> {
    vec![
        Field::required("file", Shape::Parsed(Parsed::Path), "Its path."),
        Field::optional("version", Shape::Text, "The release that it must be, as its own key `release` says it."),
        Field::required(
            "sha256",
            Shape::Parsed(Parsed::Sha256),
            "The digest of its file, so that it cannot change unseen; `dip pin` prints it.",
        ),
    ]
}

fn with_common(kinds: &[Variant], common: &[Field]) -> Vec<Variant> {
    let with =
        |kind: &Variant| Variant { fields: common.iter().chain(&kind.fields).cloned().collect(), ..kind.clone() };
    kinds.iter().map(with).collect()
}

fn network() -> Vec<Field> {
    let prefix = vec![
        Field::required("prefix", Shape::Parsed(Parsed::Prefix), "The prefix, `10.1.0.0/24` or `fd00:1::/64`."),
        Field::optional(
            "racks",
            Shape::list(Shape::Reference(Noun::Rack)),
            "The racks that use it; all where it is left out.",
        ),
        Field::optional("router", Shape::Parsed(Parsed::Address), "Its router."),
        Field::optional(
            "ranges",
            Shape::list(Shape::Parsed(Parsed::AddressRange)),
            "What addresses are taken from, `10.1.0.10-10.1.0.99`; where it is left out, the site file gives every address.",
        ),
        Field::optional(
            "from",
            Shape::Reference(Noun::Service),
            "The service, a CMDB that keeps addresses, that says which ones are free, and where each one is reserved; of all of the prefix where it has no `ranges`.",
        ),
    ];
    vec![
        Field::optional("vlan", Shape::integer(1, 4094), "Its VLAN; without it no switch port is changed for it."),
        Field::optional(
            "domain",
            Shape::Parsed(Parsed::DomainName),
            "The DNS domain of the addresses in it, where it is not the site's.",
        ),
        Field::optional("via", Shape::Text, "The node or host through which it is reached, where it is not routed."),
        Field::optional("prefixes", Shape::list(Shape::Object(prefix)), "Its prefixes."),
    ]
}

fn bmc(settings: &SettingsSchema) -> Field {
    let fields = vec![
        Field::required(
            "address",
            Shape::Parsed(Parsed::Station),
            "Its address or host name; or its MAC address, by which a DHCP server of the site tells the address.",
        ),
        Field::required("user", Shape::Text, "The user."),
        Field::required(
            "password",
            Shape::Parsed(Parsed::Secret),
            "Where the password is, `env:NAME` or `file:PATH`; or `store:PATH`, below which dip keeps one that it makes for each node.",
        ),
        Field::optional(
            "factory_password",
            Shape::Parsed(Parsed::Secret),
            "Where the password is that it was shipped with, for a `password` that dip makes.",
        ),
        Field::required(
            "protocols",
            Shape::list(Shape::Tagged(settings.bmc_protocols.clone())),
            "The protocols that it speaks, the preferred one first.",
        ),
    ];
    Field::optional("bmc", Shape::Object(fields), "The management controller.")
}

fn layers(settings: &SettingsSchema) -> impl Iterator<Item = Field> {
    settings.node.iter().map(|(layer, fields)| {
        Field::optional(layer.as_str(), Shape::Object(fields.clone()), "The settings of this layer.")
    })
}

fn profile(settings: &SettingsSchema) -> Vec<Field> {
    let inherits = Field::optional(
        "inherits",
        Shape::list(Shape::Reference(Noun::Profile)),
        "Further profiles; this one wins over them, and an earlier one over a later one.",
    );
    std::iter::once(inherits).chain([bmc(settings)]).chain(layers(settings)).collect()
}

fn node(settings: &SettingsSchema) -> Vec<Field> {
    let nic = vec![
        Field::optional("primary", Shape::Boolean, "Whether the node is known by the addresses of this interface."),
        Field::optional("mac", Shape::Parsed(Parsed::Mac), "Its MAC address."),
        Field::optional(
            "duid",
            Shape::Parsed(Parsed::Duid),
            "The DUID by which it asks for IPv6 addresses, where that is not made of its MAC address; it goes with a MAC address.",
        ),
        Field::optional("pci", Shape::Parsed(Parsed::Pci), "Its PCI address, which goes with a MAC address."),
        Field::optional("link", Shape::Parsed(Parsed::SwitchPort), "The switch port that it is cabled to, `sw1/p7`."),
        Field::optional("port", Shape::Object(port()), "What is wanted of the switch port at `link`."),
        Field::optional("network", Shape::Reference(Noun::Network), "The network that it is in."),
        Field::optional("address", Shape::Parsed(Parsed::Address), "Its address, where it has one given address."),
        Field::optional(
            "addresses",
            Shape::list(Shape::Parsed(Parsed::Address)),
            "Its addresses, where it has several.",
        ),
    ];
    let disk = vec![
        Field::optional("serial", Shape::Text, "Its serial number."),
        Field::optional("wwn", Shape::Text, "Its world wide name."),
        Field::optional(
            "path",
            Shape::Parsed(Parsed::NodePath),
            "Its device path by bus position, `/dev/disk/by-path/...`.",
        ),
        Field::optional("purpose", Shape::Text, "What it is for: `system`, `data`."),
    ];
    let own = vec![
        Field::optional(
            "state",
            Shape::Choice(vec!["ready", "maintenance", "quarantine", "awaited", "absent"]),
            "What is wanted of it; `ready` where it is left out.",
        ),
        Field::optional("rack", Shape::Reference(Noun::Rack), "The rack that it stands in."),
        Field::optional("profile", Shape::Reference(Noun::Profile), "The profile that it inherits from."),
        Field::optional(
            "profiles",
            Shape::list(Shape::Reference(Noun::Profile)),
            "The profiles that it inherits from; an earlier one wins over a later one.",
        ),
        Field::optional(
            "position",
            Shape::integer(1, 100),
            "The unit of its rack at which it stands, by which it is found in the manifest.",
        ),
        Field::optional("serial", Shape::Text, "The serial number that the machine must tell of itself."),
        bmc(settings),
        Field::optional(
            "nics",
            Shape::map(Shape::Object(nic)),
            "Its network interfaces, by the site's names for them.",
        ),
        Field::optional("outlets", Shape::list(Shape::Parsed(Parsed::Outlet)), "The outlets that feed it, `pdu1/7`."),
        Field::optional("disks", Shape::map(Shape::Object(disk)), "Its disks, by the site's names for them."),
    ];
    own.into_iter().chain(layers(settings)).collect()
}

/// What is said of the switch port of an interface; [`super::ports`] reads it.
fn port() -> Vec<Field> {
    vec![
        Field::optional(
            "mode",
            Shape::Choice(vec!["access", "trunk"]),
            "`access` carries the VLAN of the interface's network, untagged; `trunk` carries those of `tagged` too. `trunk` where `tagged` is there, else `access`.",
        ),
        Field::optional(
            "tagged",
            Shape::list(Shape::Text),
            "The tagged VLANs of a trunk: networks, numbers and ranges of them, `[storage, 300, 310-319]`.",
        ),
        Field::optional(
            "native",
            Shape::Text,
            "The VLAN of a trunk's untagged frames: a network, a number, or `none`; that of the interface's network where it is left out.",
        ),
        Field::optional(
            "native_frames",
            Shape::Choice(vec!["untagged", "tagged"]),
            "How frames of the native VLAN leave the port; `untagged` where it is left out.",
        ),
        Field::optional(
            "mtu",
            Shape::integer(Mtu::MIN.into(), u16::MAX.into()),
            "The largest packet in bytes; left as it is where it is left out.",
        ),
        Field::optional("description", Shape::Text, "The text that the switch shows beside the port."),
        Field::optional(
            "enabled",
            Shape::Boolean,
            "Whether the port is switched on; left as it is where it is left out.",
        ),
        Field::optional(
            "lag",
            Shape::Text,
            "The link aggregation that it is a member of, by the switch's own name for it; a port without it is in none.",
        ),
        Field::optional(
            "lacp",
            Shape::Choice(Lacp::ALL.map(Lacp::as_str).to_vec()),
            "How the members of the link aggregation find each other; `active` where it is left out.",
        ),
        Field::optional(
            "confirm",
            Shape::Boolean,
            "Whether the switch takes a change back by itself unless dip confirms it: for the port that dip itself comes through.",
        ),
    ]
}

/// How members or nodes are changed a few at a time.
fn pace() -> Vec<Field> {
    vec![
        Field::optional("max_unavailable", Shape::integer(0, 65_535), "How many members may be away at once."),
        Field::optional("canary", Shape::integer(1, 65_535), "How many members go first, alone."),
        Field::optional(
            "wave",
            Shape::integer(1, 65_535),
            "How many go at once after them; `max_unavailable` where it is left out, else all.",
        ),
        Field::optional(
            "pause",
            Shape::Choice(vec!["never", "after_canary", "each_wave"]),
            "When a person must say that it goes on; `never` where it is left out.",
        ),
        Field::optional(
            "alerts",
            Shape::map(Shape::Text),
            "The labels of alerts that hold it up while they fire, beside those of its members: `{severity: page}`.",
        ),
    ]
}

fn cluster(settings: &SettingsSchema) -> Vec<Field> {
    let spread = Field::optional(
        "spread",
        Shape::Choice(vec!["rack", "pdu", "switch"]),
        "No two members of a role share one of these, and those that are away at once do.",
    );
    let policy = pace().into_iter().chain([spread]).collect();
    vec![
        Field::required("workload", Shape::Tagged(settings.workloads.clone()), "What runs in it."),
        Field::required(
            "members",
            Shape::map(Shape::list(Shape::Text)),
            "Its nodes by their role, ranges allowed: `member: [r1-n{1..3}]`.",
        ),
        Field::optional("policy", Shape::Object(policy), "What must hold while it is changed."),
    ]
}

fn conduct() -> Vec<Field> {
    let most = i64::from(u32::MAX);
    let limit = vec![
        Field::required("capacity", Shape::integer(1, most), "How many may hold it at once."),
        Field::required("reason", Shape::Text, "Why so many and not more; it is told where somebody waits."),
    ];
    let window = vec![
        Field::optional(
            "days",
            Shape::list(Shape::Choice(Weekday::ALL.map(Weekday::as_str).to_vec())),
            "The days on which it opens; every day where it is left out.",
        ),
        Field::required("from", Shape::Parsed(Parsed::TimeOfDay), "When it opens."),
        Field::required(
            "until",
            Shape::Parsed(Parsed::TimeOfDay),
            "When it closes: on the day after where that is not later than `from`.",
        ),
        Field::required("zone", Shape::Parsed(Parsed::Zone), "Whose time that is."),
    ];
    let freeze = vec![
        Field::required("from", Shape::Parsed(Parsed::Moment), "When it begins."),
        Field::required("until", Shape::Parsed(Parsed::Moment), "When it is over."),
        Field::required("reason", Shape::Text, "Why; it is told to who waits for its end."),
    ];
    let ceilings = vec![
        Field::optional("removals", Shape::integer(0, most), "How many things one run may remove."),
        Field::optional("erasures", Shape::integer(0, most), "How many times one run may erase data."),
        Field::optional("reboots", Shape::integer(0, most), "How many times one run may boot a node."),
    ];
    let approvals = vec![
        Field::required("required", Shape::integer(0, most), "How many different people must have approved a plan."),
        Field::optional("separate", Shape::Boolean, "Whether the one who made the plan may not be one of them."),
    ];
    let who = vec![
        Field::optional("nodes", Shape::list(Shape::Text), "The nodes, ranges allowed: `[\"r1-n{1..40}\"]`."),
        Field::optional("profile", Shape::Reference(Noun::Profile), "Or all nodes that have this profile."),
    ];
    let spread = Field::optional(
        "spread",
        Shape::Choice(vec!["rack", "pdu", "switch"]),
        "Those that are away at once share one of these.",
    );
    let rollout = who.into_iter().chain(pace()).chain([spread]).collect();
    vec![
        Field::optional(
            "limits",
            Shape::map(Shape::Object(limit)),
            "How many may hold a lock at once, by its name, `zone/lab.example`, or by its beginning, `bmc/*`.",
        ),
        Field::optional(
            "windows",
            Shape::map(Shape::Object(window)),
            "When changes may be made; at any time where there are none.",
        ),
        Field::optional("freezes", Shape::map(Shape::Object(freeze)), "When no change may be made."),
        Field::optional("ceilings", Shape::Object(ceilings), "What one run may do at most."),
        Field::optional("approvals", Shape::Object(approvals), "Who must have said yes to a plan before it is run."),
        Field::optional(
            "rollouts",
            Shape::map(Shape::Object(rollout)),
            "Nodes outside of clusters that are changed a few at a time.",
        ),
    ]
}
