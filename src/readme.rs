//! The code in README.md, so that it is compiled with the tests.

#[doc = include_str!("../README.md")]
#[derive(Debug)]
pub struct Readme;
