//! The funnel that every long call goes through: release the interpreter, run, translate the error.
//!
//! While a kernel runs, its monitor attaches to Python every 50 ms at the most, looks for signals and calls the
//! progress callback. An exception there (Ctrl-C, or one of the callback's own) stops the kernel; what was fitted so
//! far is returned beside the exception, and the package raises it after storing the fit.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use pyo3::exceptions::{
    PyFileNotFoundError, PyFloatingPointError, PyKeyboardInterrupt, PyMemoryError, PyOSError, PyValueError,
};
use pyo3::prelude::*;

use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress, Stop};

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Asks the interpreter between steps.
struct Caller {
    progress: Option<Py<PyAny>>,
    last_look: Instant,
    exception: Option<PyErr>,
}

impl Caller {
    fn look(&mut self, step: Progress) -> Flow {
        let outcome = Python::attach(|py| {
            py.check_signals()?;
            match &self.progress {
                // Before the first sweep there is no loss to tell of.
                Some(callback) if !step.loss.is_nan() => {
                    callback.call1(py, (step.done, step.total, step.loss)).map(|_| ())
                }
                _ => Ok(()),
            }
        });
        self.last_look = Instant::now();
        match outcome {
            Ok(()) => Flow::Continue,
            Err(exception) => {
                self.exception = Some(exception);
                Flow::Stop
            }
        }
    }
}

impl Monitor for Caller {
    fn report(&mut self, step: Progress) -> Flow {
        if self.exception.is_some() {
            return Flow::Stop;
        }
        if self.last_look.elapsed() < BETWEEN_LOOKS { Flow::Continue } else { self.look(step) }
    }
}

/// Runs a kernel without the interpreter. Returns its result and the exception that stopped it, if one did.
pub fn long_call<O: Send>(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    kernel: impl FnOnce(&mut dyn Monitor) -> Result<O> + Send,
) -> PyResult<(O, Option<PyErr>)> {
    let mut caller = Caller { progress, last_look: Instant::now(), exception: None };
    let outcome = py.detach(|| kernel(&mut caller));
    match outcome {
        Ok(found) => Ok((found, caller.exception)),
        Err(error) => Err(caller.exception.unwrap_or_else(|| translated(py, &error))),
    }
}

/// Runs a kernel that looks at `stop` between its steps but has nothing to tell before its end: on a thread of its own,
/// while this one looks for signals. An exception (Ctrl-C) asks it to stop, and is the answer.
pub fn stoppable_call<O: Send>(
    py: Python<'_>,
    stop: &Stop,
    kernel: impl FnOnce() -> Result<O> + Send,
) -> PyResult<O> {
    let (outcome, exception) = py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            scope.spawn(move || sender.send(kernel()));
            let mut exception = None;
            loop {
                match receiver.recv_timeout(BETWEEN_LOOKS) {
                    Ok(outcome) => return (Some(outcome), exception),
                    // The kernel panicked; the scope passes that on.
                    Err(RecvTimeoutError::Disconnected) => return (None, exception),
                    Err(RecvTimeoutError::Timeout) if exception.is_none() => {
                        let look = |py: Python<'_>| py.check_signals();
                        exception = Python::attach(look).err();
                        if exception.is_some() {
                            stop.ask();
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
        })
    });
    match (exception, outcome) {
        (Some(exception), _) => Err(exception),
        (None, Some(outcome)) => outcome.map_err(|error| translated(py, &error)),
        (None, None) => Err(translated(py, &Error::Interrupted)),
    }
}

/// Runs a short kernel: no progress, but the interpreter is released all the same.
pub fn call<O: Send>(py: Python<'_>, kernel: impl FnOnce() -> Result<O> + Send) -> PyResult<O> {
    py.detach(kernel).map_err(|error| translated(py, &error))
}

/// The exception that a failure of the core becomes.
pub fn translated(py: Python<'_>, error: &Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Shape { .. } | Error::Value { .. } | Error::Data(_) => PyValueError::new_err(message),
        Error::Diverged { .. } => PyFloatingPointError::new_err(message),
        Error::Memory { .. } => PyMemoryError::new_err(message),
        Error::File { .. } => PyOSError::new_err(message),
        Error::NoFile { .. } => PyFileNotFoundError::new_err(message),
        Error::Interrupted => PyKeyboardInterrupt::new_err(message),
        Error::Factorization { .. } => {
            let class = py.import("numpy.linalg").and_then(|module| module.getattr("LinAlgError"));
            class.and_then(|class| class.call1((message,))).map_or_else(|error| error, PyErr::from_value)
        }
    }
}
