//! DIP layer 7, cluster coordination: membership, quorum, load balancers
