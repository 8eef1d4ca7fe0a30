//! DIP layer 2, firmware and management: BMCs by IPMI and Redfish

pub mod ipmi;
