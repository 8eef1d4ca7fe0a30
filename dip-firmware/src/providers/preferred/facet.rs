//! The facets of a BMC by name, as the table of them has them.

use crate::provider::Bmc;
use crate::provider::table::all_facets;

macro_rules! facets_by_name {
    ($($facet:ident $trait:ident { $($verbs:tt)* })*) => {
        /// What a BMC can be asked for: who its machine is, and each trait that it may have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Facet {
            /// Who the machine is.
            Identity,
            $(
                #[doc = concat!("What `", stringify!($trait), "` is about.")]
                $trait,
            )*
        }

        impl Facet {
            /// Whether a BMC may have it, as far as that is known without asking.
            #[must_use]
            pub fn is_of(self, bmc: &dyn Bmc) -> bool {
                match self {
                    Self::Identity => true,
                    $(Self::$trait => bmc.$facet().is_some(),)*
                }
            }
        }
    };
}

all_facets!(facets_by_name);
