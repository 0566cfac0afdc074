//! Which mossy fibres reach which granule cell.
//!
//! ```text
//! at random: K different fibres of M, all sets alike      local: the K fibres whose distance from the cell is closest to a length
//! ```
//!
//! Sets are drawn by Floyd's method (Bentley & Floyd, Commun ACM 30:754, 1987): for j = M−K … M−1 take a number t of 0 … j, or j itself if
//! t is taken already. Each cell has a random stream of its own.

use crate::error::{Error, Result};
use crate::numerics::parallel::Threads;
use crate::numerics::rng::{stream, whole};
use crate::numerics::room::room;

/// Cells of one piece of work.
const PIECE: usize = 1024;

/// K different sources for each of `n_granule` cells, in ascending order.
pub fn random(
    n_mossy: usize,
    n_granule: usize,
    n_inputs: usize,
    seed: u64,
    threads: &Threads,
) -> Result<Vec<u32>> {
    check_sizes(n_mossy, n_granule, n_inputs)?;
    let mut sources = room(&[n_granule, n_inputs], 0)?;
    threads.for_chunks(&mut sources, PIECE * n_inputs, |piece, chunk| {
        for (cell, set) in chunk.chunks_exact_mut(n_inputs).enumerate() {
            let mut rng = stream(seed, (piece * PIECE + cell) as u64);
            for k in 0..n_inputs {
                let last = (n_mossy - n_inputs + k) as u32;
                let drawn = whole(&mut rng, last);
                // What is there is in order; the last number is beyond all of it.
                match set[..k].binary_search(&drawn) {
                    Ok(_) => set[k] = last,
                    Err(place) => {
                        set.copy_within(place..k, place + 1);
                        set[place] = drawn;
                    }
                }
            }
        }
    });
    Ok(sources)
}

/// K sources for each cell by position: those whose distance from it is closest to `length` (0: the nearest), in ascending order. Of
/// fibres at the same distance the first is taken.
pub fn local(
    mossy: &[f64],
    granule: &[f64],
    n_dimensions: usize,
    n_inputs: usize,
    length: f64,
    threads: &Threads,
) -> Result<Vec<u32>> {
    for (argument, positions) in [("mossy", mossy), ("granule", granule)] {
        if n_dimensions == 0 || !positions.len().is_multiple_of(n_dimensions) {
            return Err(Error::shape(
                argument,
                &[positions.len()],
                format!("points in {n_dimensions} dimensions"),
            ));
        }
        if let Some(odd) = positions.iter().find(|x| !x.is_finite()) {
            return Err(Error::value(argument, odd, "finite positions"));
        }
    }
    if !(length >= 0.0 && length.is_finite()) {
        return Err(Error::value("length", length, "a finite number not below 0"));
    }
    let (n_mossy, n_granule) = (mossy.len() / n_dimensions, granule.len() / n_dimensions);
    check_sizes(n_mossy, n_granule, n_inputs)?;
    let mut sources = room(&[n_granule, n_inputs], 0)?;
    threads.for_chunks(&mut sources, PIECE * n_inputs, |piece, chunk| {
        let mut ranked: Vec<(f64, u32)> = Vec::with_capacity(n_mossy);
        for (cell, set) in chunk.chunks_exact_mut(n_inputs).enumerate() {
            let here = &granule[(piece * PIECE + cell) * n_dimensions..][..n_dimensions];
            ranked.clear();
            ranked.extend(mossy.chunks_exact(n_dimensions).zip(0_u32..).map(|(there, fibre)| {
                let squared: f64 = here.iter().zip(there).map(|(a, b)| (a - b) * (a - b)).sum();
                ((squared.sqrt() - length).abs(), fibre)
            }));
            if n_inputs < n_mossy {
                ranked.select_nth_unstable_by(n_inputs, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            }
            for (source, (_, fibre)) in set.iter_mut().zip(&ranked) {
                *source = *fibre;
            }
            set.sort_unstable();
        }
    });
    Ok(sources)
}

/// Refuses sources that do not exist, or one twice for the same cell.
pub fn check(sources: &[u32], n_inputs: usize, n_mossy: usize) -> Result<()> {
    // Of each fibre; cells are counted from one.
    let mut last_cell = room(&[n_mossy], 0)?;
    for (cell, set) in (1..).zip(sources.chunks_exact(n_inputs)) {
        for &source in set {
            let Some(last) = last_cell.get_mut(source as usize) else {
                return Err(Error::value("sources", source, format!("0 to {}", n_mossy - 1)));
            };
            if *last == cell {
                let got = format!("{source} twice for cell {}", cell - 1);
                return Err(Error::value("sources", got, "different mossy fibres for each cell"));
            }
            *last = cell;
        }
    }
    Ok(())
}

fn check_sizes(n_mossy: usize, n_granule: usize, n_inputs: usize) -> Result<()> {
    if n_mossy == 0 || u32::try_from(n_mossy).is_err() {
        return Err(Error::value("n_mossy", n_mossy, "1 to 4294967295"));
    }
    if n_granule == 0 {
        return Err(Error::value("n_granule", n_granule, "at least 1"));
    }
    if !(1..=n_mossy).contains(&n_inputs) {
        return Err(Error::value("n_inputs", n_inputs, format!("1 to n_mossy, {n_mossy}")));
    }
    Ok(())
}
