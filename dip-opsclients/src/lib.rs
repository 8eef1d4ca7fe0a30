//! DIP layer 4, operations clients: time and name resolution on the node
