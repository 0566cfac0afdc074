//! What lives in either precision behind a lock.

/// A value in either precision.
pub enum Either<S, D> {
    Single(S),
    Double(D),
}

/// Runs the same code on either precision.
macro_rules! in_either {
    ($value:expr, $x:ident => $body:expr) => {
        match $value {
            $crate::bindings::precision::Either::Single($x) => $body,
            $crate::bindings::precision::Either::Double($x) => $body,
        }
    };
}
pub(crate) use in_either;

/// A lock that another thread's panic does not close.
pub fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
