//! What lies between mossy fibres and Purkinje cells: a granule layer, or nothing.

use std::sync::Arc;

use super::granule::GranuleLayer;
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

/// Filters of trials that run side by side.
#[derive(Debug, Clone, Default)]
pub struct Layers<R> {
    filters: Vec<R>,
    granule: Vec<R>,
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
    pub fn start(&self, n_trials: usize) -> Layers<R> {
        match self {
            Self::Direct(_) => Layers::default(),
            Self::Granule(layer) => Layers { filters: layer.rest(n_trials), granule: Vec::new() },
        }
    }

    /// One step of all trials: trials × mossy fibres to trials × features.
    pub fn step(&self, layers: &mut Layers<R>, mossy: &[R], out: &mut [R], threads: &Threads) -> Result<()> {
        match self {
            Self::Direct(_) => copy(mossy, out),
            Self::Granule(layer) => {
                layers.granule.resize(mossy.len() / layer.n_mossy() * layer.n_granule(), R::ZERO);
                layer.step(mossy, &mut layers.filters, &mut layers.granule, out, threads)
            }
        }
    }

    /// Some steps of a single trial: steps × mossy fibres to steps × features.
    pub fn steps(&self, layers: &mut Layers<R>, mossy: &[R], out: &mut [R], threads: &Threads) -> Result<()> {
        let Self::Granule(layer) = self else { return copy(mossy, out) };
        let Some(basis) = layer.basis() else { return layer.forward(mossy, out, threads) };
        let (n_granule, n_features) = (layer.n_granule(), layer.n_features());
        layers.granule.resize(mossy.len() / layer.n_mossy() * n_granule, R::ZERO);
        layer.forward(mossy, &mut layers.granule, threads)?;
        for (granule, features) in
            layers.granule.chunks_exact(n_granule).zip(out.chunks_exact_mut(n_features))
        {
            basis.advance(&mut layers.filters, granule, features);
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
