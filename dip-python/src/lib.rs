//! Python bindings of dip
