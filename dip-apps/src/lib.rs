//! DIP layer 5, applications: workloads on top of ready state
