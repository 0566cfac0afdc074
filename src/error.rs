//! What can go wrong in the core, with enough detail to mend the call.

/// Every failure a kernel can report. Not converging is an [`Outcome`](crate::monitor::Outcome), not an error.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// An argument whose shape does not fit.
    #[error("{argument} has shape {got:?}, expected {expected}")]
    Shape {
        /// The argument's public name.
        argument: &'static str,
        /// Its shape.
        got: Vec<usize>,
        /// What would have been right, in words.
        expected: String,
    },
    /// An argument whose value is out of range.
    #[error("{argument} is {got}, expected {expected}")]
    Value {
        /// The argument's public name.
        argument: &'static str,
        /// Its value.
        got: String,
        /// What would have been right, in words.
        expected: String,
    },
    /// Data that no model can be fitted to.
    #[error("X {0}")]
    Data(String),
    /// A factorisation that broke down.
    #[error("{factorization} failed: {detail}")]
    Factorization {
        /// Which factorisation.
        factorization: &'static str,
        /// Where and why.
        detail: String,
    },
    /// A simulation or a gradient that left the finite numbers.
    #[error("{what} is not finite{place}")]
    Diverged {
        /// What.
        what: &'static str,
        /// Where, with a leading blank: at which step, in which trial.
        place: String,
    },
    /// A result that does not fit into memory.
    #[error("a tensor of shape {shape:?} does not fit into memory")]
    Memory {
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A file that is not there.
    #[error("{path}: no such file")]
    NoFile {
        /// The file.
        path: String,
    },
    /// A fit that was stopped before there was anything to keep.
    #[error("stopped before there was a result")]
    Interrupted,
    /// A file that could not be written or read.
    #[error("{path}: {detail}")]
    File {
        /// The file.
        path: String,
        /// Why.
        detail: String,
    },
}

/// The core's result type.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A shape error.
    #[cold]
    pub fn shape(argument: &'static str, got: &[usize], expected: impl Into<String>) -> Self {
        Self::Shape { argument, got: got.to_vec(), expected: expected.into() }
    }

    /// A value error.
    #[cold]
    pub fn value(argument: &'static str, got: impl ToString, expected: impl Into<String>) -> Self {
        Self::Value { argument, got: got.to_string(), expected: expected.into() }
    }
}
