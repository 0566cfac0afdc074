//! What lies between mossy fibres and Purkinje cells: a granule layer, or nothing.

use std::sync::Arc;

use super::granule::{Buffers, GranuleLayer};
use crate::error::{Error, Result};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// From mossy fibres to the activity of parallel fibres.
#[derive(Debug, Clone)]
pub enum Expansion<R> {
    /// So many mossy fibres reach the Purkinje cells themselves.
    Direct(usize),
    /// A granule layer, with its filters in time if it has any.
    Granule(Arc<GranuleLayer<R>>),
}

/// Filters of trials that run side by side, and what a step needs besides.
#[derive(Debug, Clone, Default)]
pub struct Layers<R> {
    filters: Vec<R>,
    granule: Vec<R>,
    buffers: Buffers<R>,
}

impl<R: Real> Layers<R> {
    /// Back to the start of the trials.
    pub fn clear(&mut self) {
        self.filters.fill(R::ZERO);
    }
}

impl<R: Real> Expansion<R> {
    /// Mossy fibres.
    pub fn n_mossy(&self) -> usize {
        match self {
            Self::Direct(n_mossy) => *n_mossy,
            Self::Granule(layer) => layer.n_mossy(),
        }
    }

    /// Parallel fibres, one for each function of time that a granule cell's activity passes through.
    pub fn n_features(&self) -> usize {
        match self {
            Self::Direct(n_mossy) => *n_mossy,
            Self::Granule(layer) => layer.n_features(),
        }
    }

    /// The start of `n_trials` trials.
    pub fn start(&self, n_trials: usize) -> Result<Layers<R>> {
        let filters = match self {
            Self::Direct(_) => Vec::new(),
            Self::Granule(layer) => layer.rest(n_trials)?,
        };
        Ok(Layers { filters, granule: Vec::new(), buffers: Buffers::default() })
    }

    /// One step of all trials: trials × mossy fibres to trials × features.
    pub fn step(&self, layers: &mut Layers<R>, mossy: &[R], out: &mut [R], threads: &Threads) -> Result<()> {
        match self {
            Self::Direct(_) => copy(mossy, out),
            Self::Granule(layer) => {
                let Layers { filters, granule, buffers } = layers;
                granule.resize(mossy.len() / layer.n_mossy() * layer.n_granule(), R::ZERO);
                layer.step(mossy, filters, granule, out, buffers, threads)
            }
        }
    }

    /// Some steps of a single trial: steps × mossy fibres to steps × features.
    pub fn steps(&self, layers: &mut Layers<R>, mossy: &[R], out: &mut [R], threads: &Threads) -> Result<()> {
        let Self::Granule(layer) = self else { return copy(mossy, out) };
        let Layers { filters, granule, buffers } = layers;
        let Some(basis) = layer.basis() else { return layer.forward_with(mossy, out, buffers, threads) };
        let (n_granule, n_features) = (layer.n_granule(), layer.n_features());
        granule.resize(mossy.len() / layer.n_mossy() * n_granule, R::ZERO);
        layer.forward_with(mossy, granule, buffers, threads)?;
        for (granule, features) in granule.chunks_exact(n_granule).zip(out.chunks_exact_mut(n_features)) {
            basis.advance(filters, granule, features);
        }
        Ok(())
    }
}

fn copy<R: Real>(mossy: &[R], out: &mut [R]) -> Result<()> {
    if mossy.len() != out.len() {
        return Err(Error::shape("mossy", &[mossy.len()], format!("{} numbers", out.len())));
    }
    out.copy_from_slice(mossy);
    Ok(())
}
