//! A simulated datacenter that implements every provider trait, on virtual time, with faults
