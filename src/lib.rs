//! dip
