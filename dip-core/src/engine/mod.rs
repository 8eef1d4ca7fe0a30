//! The engine: a pure schedule that decides, and a thin driver that acts.

mod attempt;
mod cancel;
mod clock;
mod control;
mod converge;
mod drift;
mod drive;
mod held;
mod limits;
mod locks;
mod log;
mod look;
mod prepare;
mod quiet;
mod retry;
mod schedule;
mod spans;
mod state;
mod survey;
mod view;

pub use cancel::Stop;
pub use clock::{Clock, SystemClock, TokioClock};
pub use control::Control;
pub use converge::{Converge, ConvergeEnd, Converged, LeftOut, Repair, Rhythm, Round, WhyLeft};
pub use drift::{Deviation, Drift};
pub use drive::{Engine, EngineError};
pub use held::held_by_others;
pub use limits::Limits;
pub use prepare::{Planner, Prepared};
pub use schedule::{Action, Bound, Look, Refusal, Schedule, Start};
pub use state::{Status, Waiting};
pub use survey::survey;
pub use view::RunView;
