//! DIP layer 6, operations management: DNS, CMDB and monitoring records
