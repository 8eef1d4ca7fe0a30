//! What fuzzers feed: readers of bytes that come from others, each as `fn(&[u8])`. None may panic or loop, whatever the bytes are.
//!
//! Only with the feature `fuzzing`, and no part of the interface that programs may rely on.

#[cfg(feature = "redfish")]
pub mod redfish;

#[cfg(feature = "ipmi")]
use crate::ipmi::fuzzing as ipmi;

/// A parser.
pub type Parser = fn(&[u8]);

/// Every parser with the name of its corpus, `fuzz/corpus/<name>/` at the top of the workspace.
pub const PARSERS: &[(&str, Parser)] = &[
    #[cfg(feature = "ipmi")]
    ("ipmi_fru", ipmi::ipmi_fru),
    #[cfg(feature = "ipmi")]
    ("ipmi_packet", ipmi::ipmi_packet),
    #[cfg(feature = "ipmi")]
    ("ipmi_reply", ipmi::ipmi_reply),
    #[cfg(feature = "ipmi")]
    ("ipmi_sdr", ipmi::ipmi_sdr),
    #[cfg(feature = "ipmi")]
    ("ipmi_sel", ipmi::ipmi_sel),
    #[cfg(feature = "ipmi")]
    ("ipmi_session", ipmi::ipmi_session),
    #[cfg(feature = "ipmi")]
    ("ipmi_sol", ipmi::ipmi_sol),
    #[cfg(feature = "redfish")]
    ("redfish", redfish::all),
];
