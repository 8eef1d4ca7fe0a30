//! An estimate for people.

use std::fmt;

use super::{Bound, Estimate, Expected, Leg, Source};
use crate::plan::render::wrap;
use crate::words::duration;

/// How many steps of the longest way are shown at its start and at its end.
const SHOWN: usize = 4;

impl fmt::Display for Estimate {
    /// Lines of up to 80 columns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.spread;
        let times = format!("{} ({} to {})", duration(self.total), duration(low), duration(high));
        f.write_str(&wrap("takes about ", &format!("{times}, {}", self.source()), 2))?;
        match &self.bound {
            Bound::Path => {}
            Bound::Workers { workers, at_least } => {
                let text = format!("the work keeps {workers} workers busy for {}", duration(*at_least));
                f.write_str(&wrap("  held back by workers: ", &text, 4))?;
            }
            Bound::Lock { lock, at_least } => {
                let text = format!("those who need it take {}", duration(*at_least));
                f.write_str(&wrap(&format!("  held back by the lock {lock}: "), &text, 4))?;
            }
        }
        let steps = self.critical_path.len();
        let word = if steps == 1 { "step" } else { "steps" };
        writeln!(f, "  the longest way: {steps} {word} in {}", duration(self.path))?;
        // Folding a single step away would save no line.
        let folded = steps.saturating_sub(2 * SHOWN);
        let (first, last) = if folded > 1 { (SHOWN, steps - SHOWN) } else { (steps, steps) };
        self.critical_path[..first].iter().try_for_each(|leg| line(leg, f))?;
        if folded > 1 {
            let between = &self.critical_path[first..last];
            let sum = between.iter().map(|leg| leg.expected.median).sum();
            writeln!(f, "    {:>12}  {} more steps", duration(sum), between.len())?;
        }
        self.critical_path[last..].iter().try_for_each(|leg| line(leg, f))
    }
}

fn line(leg: &Leg, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let guess = if leg.expected.is_known() { "" } else { "  (a default)" };
    writeln!(f, "    {:>12}  {}{guess}", duration(leg.expected.median), leg.name)
}

impl Estimate {
    /// Where it comes from: `from 12 past runs`, `from defaults, because there is no past run`.
    fn source(&self) -> String {
        let runs = if self.runs == 1 { "past run" } else { "past runs" };
        match self.steps - self.known {
            0 => format!("from {} {runs}", self.runs),
            unknown if self.known > 0 => {
                let word = if unknown == 1 { "step that none of them knows" } else { "steps that none of them knows" };
                format!("from {} {runs}, with defaults for {unknown} {word}", self.runs)
            }
            _ if self.runs == 0 => "from defaults, because there is no past run of this site here".to_owned(),
            _ => format!("from defaults, because the {} {runs} know none of its steps", self.runs),
        }
    }
}

impl fmt::Display for Expected {
    /// `usually 2 min 10 s, rarely over 3 min 00 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Source::Runs { .. } if self.p90 == self.median => write!(f, "usually {}", duration(self.median)),
            Source::Runs { .. } => {
                write!(f, "usually {}, rarely over {}", duration(self.median), duration(self.p90))
            }
            Source::Default => write!(f, "no past run tells how long; about {} by default", duration(self.median)),
        }
    }
}
