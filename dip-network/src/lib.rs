//! DIP layer 1, shared infrastructure: switch ports, PDU outlets, addresses, DHCP
