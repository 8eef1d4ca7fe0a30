//! A whole run over BMCs of five makers, with what goes wrong at BMCs.

#[path = "../firmware/scene.rs"]
#[allow(dead_code, reason = "the scene of the firmware's own trials has more than is needed here")]
mod scene;

mod faults;
mod whole;
