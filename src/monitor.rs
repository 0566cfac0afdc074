//! What a long kernel knows of its caller: whom to tell how far it is, and whether to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How far a fit has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub done: usize,
    /// Steps at the most.
    pub total: usize,
    /// Mean loss per observed entry at this step.
    pub loss: f64,
}

/// The caller's answer to a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Carry on.
    Continue,
    /// Return what there is.
    Stop,
}

/// Called between steps, on the thread that called the kernel, at most every 10 ms of work apart.
pub trait Monitor {
    /// Hears of progress and decides whether the kernel goes on.
    fn report(&mut self, progress: Progress) -> Flow;
}

/// A caller's wish to stop, which a kernel on other threads looks for between steps.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks all who look to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A monitor that never stops anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn report(&mut self, _: Progress) -> Flow {
        Flow::Continue
    }
}

/// How an iterative fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The relative change of the loss fell below the tolerance.
    Converged,
    /// The iterations ran out.
    IterationsExhausted,
    /// The caller asked to stop.
    Interrupted,
}
