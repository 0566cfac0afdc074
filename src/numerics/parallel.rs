//! Threads: the only user of rayon.
//!
//! Work is cut into pieces that do not depend on the number of threads, and results come back in the order of the
//! pieces; so every number is the same on 1, 2 or 5 threads. Pools are kept and reused, each with the process that
//! made it: after a fork the child has no worker threads, sees another process number, and makes a pool of its own.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::error::{Error, Result};

/// More threads than this are refused: a typing error, not a machine.
pub const MAX_THREADS: usize = 1024;

static SETTING: AtomicUsize = AtomicUsize::new(0);
static POOLS: Mutex<Vec<Pool>> = Mutex::new(Vec::new());

struct Pool {
    process: u32,
    n_threads: usize,
    workers: Arc<rayon::ThreadPool>,
}

/// The package-wide number of threads: what was set, else FASTIGIAL_NUM_THREADS, else the machine's cores.
pub fn num_threads() -> usize {
    let set = SETTING.load(Ordering::Relaxed);
    if set > 0 {
        return set;
    }
    std::env::var("FASTIGIAL_NUM_THREADS")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|n| (1..=MAX_THREADS).contains(n))
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS))
}

/// Sets the package-wide number of threads; `None` returns to the default.
pub fn set_num_threads(n_threads: Option<usize>) -> Result<()> {
    if let Some(n) = n_threads {
        check(n)?;
    }
    SETTING.store(n_threads.unwrap_or(0), Ordering::Relaxed);
    Ok(())
}

/// The list of pools; none if another thread held it when this process was forked off, since nobody is left to free it.
fn known_pools() -> Option<MutexGuard<'static, Vec<Pool>>> {
    for _ in 0..1000 {
        match POOLS.try_lock() {
            Ok(pools) => return Some(pools),
            Err(TryLockError::Poisoned(pools)) => return Some(pools.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_micros(20)),
        }
    }
    None
}

fn check(n_threads: usize) -> Result<()> {
    if (1..=MAX_THREADS).contains(&n_threads) {
        Ok(())
    } else {
        Err(Error::value("n_threads", n_threads, format!("1 to {MAX_THREADS}, or None")))
    }
}

/// A number of threads to run on.
#[derive(Clone)]
pub struct Threads {
    pool: Option<Arc<rayon::ThreadPool>>,
}

impl Threads {
    /// `n_threads`, or the package setting.
    pub fn new(n_threads: Option<usize>) -> Result<Self> {
        let n_threads = n_threads.unwrap_or_else(num_threads);
        check(n_threads)?;
        if n_threads == 1 {
            return Ok(Self::one());
        }
        let process = std::process::id();
        if let Some(mut pools) = known_pools() {
            if pools.iter().any(|p| p.process != process) {
                // Joining the parent's threads from the child would wait for ever.
                std::mem::forget(std::mem::take(&mut *pools));
            }
            if let Some(found) = pools.iter().find(|p| p.n_threads == n_threads) {
                return Ok(Self { pool: Some(found.workers.clone()) });
            }
        }
        // Built while the list is free: a fork at this moment must not leave it locked in the child.
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .thread_name(|i| format!("fastigial-{i}"))
            .build()
            .map_err(|e| Error::value("n_threads", n_threads, format!("threads that start ({e})")))?;
        let pool = Arc::new(pool);
        if let Some(mut pools) = known_pools() {
            pools.push(Pool { process, n_threads, workers: pool.clone() });
        }
        Ok(Self { pool: Some(pool) })
    }

    /// The calling thread alone.
    pub fn one() -> Self {
        Self { pool: None }
    }

    /// How many pieces of work run at once.
    pub fn count(&self) -> usize {
        self.pool.as_ref().map_or(1, |pool| pool.current_num_threads())
    }

    /// `f(0), f(1), …, f(n − 1)`, in that order.
    pub fn map<O: Send>(&self, n: usize, f: impl Fn(usize) -> O + Sync) -> Vec<O> {
        match &self.pool {
            Some(pool) if n > 1 => pool.install(|| (0..n).into_par_iter().map(&f).collect()),
            _ => (0..n).map(f).collect(),
        }
    }

    /// Cuts `data` into chunks of `size` and calls `f(number, chunk)` on each.
    pub fn for_chunks<T: Send>(&self, data: &mut [T], size: usize, f: impl Fn(usize, &mut [T]) + Sync) {
        match &self.pool {
            Some(pool) if data.len() > size && data.len() <= size * self.count() => {
                let f = &f;
                few(pool, data.chunks_mut(size).enumerate().map(|(i, chunk)| move || f(i, chunk)).collect());
            }
            Some(pool) if data.len() > size => {
                pool.install(|| data.par_chunks_mut(size).enumerate().for_each(|(i, chunk)| f(i, chunk)));
            }
            _ => data.chunks_mut(size).enumerate().for_each(|(i, chunk)| f(i, chunk)),
        }
    }

    /// Both: cuts `data` into chunks of `size` and returns `f(number, chunk)` of each, in that order.
    pub fn map_chunks<T: Send, O: Send>(
        &self,
        data: &mut [T],
        size: usize,
        f: impl Fn(usize, &mut [T]) -> O + Sync,
    ) -> Vec<O> {
        match &self.pool {
            Some(pool) if data.len() > size && data.len() <= size * self.count() => {
                let f = &f;
                few(pool, data.chunks_mut(size).enumerate().map(|(i, chunk)| move || f(i, chunk)).collect())
            }
            Some(pool) if data.len() > size => {
                let chunks = data.par_chunks_mut(size).enumerate();
                pool.install(|| chunks.map(|(i, chunk)| f(i, chunk)).collect())
            }
            _ => data.chunks_mut(size).enumerate().map(|(i, chunk)| f(i, chunk)).collect(),
        }
    }

    /// Like [`Threads::map`] for pieces that take long: while they run, `poll(done)` is called on the calling thread
    /// every few milliseconds, and once it says `false` the pieces are told so by the flag they are given.
    pub fn map_polled<O: Send>(
        &self,
        n: usize,
        f: impl Fn(usize, &dyn Fn() -> bool) -> O + Sync,
        poll: &mut dyn FnMut(usize) -> bool,
    ) -> Vec<O> {
        let Some(pool) = &self.pool else {
            let poll = std::cell::RefCell::new(poll);
            let going = std::cell::Cell::new(true);
            return (0..n)
                .map(|i| {
                    f(i, &|| {
                        if going.get() {
                            going.set((poll.borrow_mut())(i));
                        }
                        !going.get()
                    })
                })
                .collect();
        };
        let stop = AtomicBool::new(false);
        let (sender, receiver) = channel();
        let mut results: Vec<Option<O>> = (0..n).map(|_| None).collect();
        pool.in_place_scope(|scope| {
            for i in 0..n {
                let (sender, stop, f) = (sender.clone(), &stop, &f);
                scope.spawn(move |_| {
                    let result = f(i, &|| stop.load(Ordering::Relaxed));
                    // The receiver lives until all pieces have answered.
                    let _ = sender.send((i, result));
                });
            }
            drop(sender);
            let mut done = 0;
            while done < n {
                match receiver.recv_timeout(Duration::from_millis(5)) {
                    Ok((i, result)) => {
                        results[i] = Some(result);
                        done += 1;
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    // A piece panicked: the scope passes that on.
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if !stop.load(Ordering::Relaxed) && !poll(done) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        });
        results.into_iter().flatten().collect()
    }
}

/// As many pieces as threads, or fewer: the calling thread takes the first, and waits for the others without going to sleep
/// at once. Waking a thread takes about as long as a piece of a small network.
fn few<O: Send, F: FnOnce() -> O + Send>(pool: &rayon::ThreadPool, pieces: Vec<F>) -> Vec<O> {
    if pool.current_thread_index().is_some() {
        // Already on one of its threads, which must not wait without looking for work.
        return pieces.into_par_iter().map(|piece| piece()).collect();
    }
    let n_others = pieces.len() - 1;
    let mut results: Vec<Option<O>> = pieces.iter().map(|_| None).collect();
    let done = AtomicUsize::new(0);
    pool.in_place_scope(|scope| {
        let mut work = results.iter_mut().zip(pieces);
        let first = work.next();
        for (result, piece) in work {
            let done = &done;
            scope.spawn(move |_| {
                *result = Some(piece());
                done.fetch_add(1, Ordering::Release);
            });
        }
        if let Some((result, piece)) = first {
            *result = Some(piece());
        }
        let start = Instant::now();
        while done.load(Ordering::Acquire) < n_others && start.elapsed() < AWAKE {
            std::hint::spin_loop();
        }
    });
    results.into_iter().flatten().collect()
}

/// How long a thread that has nothing to do stays awake where the next piece is about to come.
const AWAKE: Duration = Duration::from_micros(300);

/// Until when a worker stays awake, in nanoseconds since the first call; 0: none does.
static AWAKE_UNTIL: AtomicU64 = AtomicU64::new(0);

fn nanoseconds() -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    u64::try_from(EPOCH.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Threads {
    /// Keeps a worker awake for a moment: the caller is about to come back with more, as a training does after each batch.
    pub fn stay_awake(&self) {
        let Some(pool) = &self.pool else { return };
        let until = nanoseconds() + AWAKE.as_nanos() as u64;
        if AWAKE_UNTIL.swap(until, Ordering::Relaxed) < nanoseconds() {
            pool.spawn(|| {
                while nanoseconds() < AWAKE_UNTIL.load(Ordering::Relaxed) {
                    // Does what there is to do; else looks again.
                    let _ = rayon::yield_now();
                    std::hint::spin_loop();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_on_any_number_of_threads() {
        let expected: Vec<usize> = (0..100).map(|i| i * i).collect();
        for n_threads in [1, 2, 5] {
            let threads = Threads::new(Some(n_threads)).unwrap();
            assert_eq!(threads.map(100, |i| i * i), expected);
            let polled = threads.map_polled(100, |i, _| i * i, &mut |_| true);
            assert_eq!(polled, expected);
            let mut data = vec![0; 101];
            threads.for_chunks(&mut data, 10, |number, chunk| chunk.fill(number));
            assert!(data.iter().enumerate().all(|(i, &v)| v == i / 10));
        }
    }

    #[test]
    fn a_few_pieces_are_shared_with_the_calling_thread() {
        for n_threads in [1, 2, 3, 5] {
            let threads = Threads::new(Some(n_threads)).unwrap();
            for n_pieces in 1..=6 {
                let mut data: Vec<usize> = (0..2 * n_pieces).collect();
                let sums = threads.map_chunks(&mut data, 2, |number, chunk| {
                    chunk[0] += 1;
                    number + chunk.iter().sum::<usize>()
                });
                assert_eq!(sums, (0..n_pieces).map(|i| 5 * i + 2).collect::<Vec<_>>());
                threads.for_chunks(&mut data, 2, |number, chunk| chunk.fill(number));
                assert!(data.iter().enumerate().all(|(i, &v)| v == i / 2));
                threads.stay_awake();
                // From one of the pool's own threads as well.
                let nested =
                    threads.map(3, |_| threads.map_chunks(&mut [1, 2, 3, 4], 2, |_, chunk| chunk[1]));
                assert_eq!(nested, vec![vec![2, 4]; 3]);
            }
        }
    }

    #[test]
    fn a_stop_reaches_the_pieces() {
        for n_threads in [1, 2] {
            let threads = Threads::new(Some(n_threads)).unwrap();
            let stopped = threads.map_polled(
                3,
                |_, stop| {
                    while !stop() {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    true
                },
                &mut |_| false,
            );
            assert_eq!(stopped, [true; 3]);
        }
    }

    #[test]
    fn absurd_numbers_are_refused() {
        assert!(Threads::new(Some(0)).is_err());
        assert!(Threads::new(Some(MAX_THREADS + 1)).is_err());
    }
}
