//! SliceTCA of a recording in chunks of trials: the sweeps of `gaps`, pass by pass, for complete recordings too.
//!
//! A pass over the trials updates what belongs to each of them and sums up what one slice type shares; chunks of trials
//! do this apart from each other, and their sums are added. Three types take three passes a sweep.

use ndarray::{Array2, ArrayD, ArrayViewD, IxDyn};

use super::super::chunks::{Chunk, Chunks, Part, Pass, Whole, closing_residual};
use super::super::extrapolation::{Blocks, Limits, Schedule, descend};
use super::by_trial::{Factors, Layout};
use super::gaps::{Gaps, SCHEDULE, Sums, rule};
use super::given::admissible;
use super::model::SliceModel;
use super::spans::NOISE;
use super::{Fit, Options, Start};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// What a chunk answers to a pass: step 1, 2 or 3 for what the slices over neurons and time, the loadings of neurons or
/// those of time need, 0 for the residual.
pub fn chunk<T: Real>(
    x: ArrayViewD<'_, T>,
    mask: Option<ArrayViewD<'_, bool>>,
    scale: f64,
    nonnegative: [bool; 3],
    pass: Pass<'_>,
    threads: &Threads,
) -> Result<Part> {
    let chunk = Chunk::new(x, mask, scale)?;
    let misfit = || Error::shape("X", chunk.dense().shape, "a chunk of the recording that is fitted");
    let &[n_trials, n_neurons, n_steps] = chunk.dense().shape else { return Err(misfit()) };
    let [slices, neurons, time] = pass.shared else { return Err(misfit()) };
    let size = n_neurons * n_steps;
    let ranks = [slices.len() / size.max(1), neurons.len() / n_neurons.max(1), time.len() / n_steps.max(1)];
    let gaps = Gaps { x: chunk.dense(), ranks, nonnegative, threads };
    let layout = gaps.layout();
    if pass.rows.dim() != (n_trials, layout.per_trial()) || pass.step > 3 {
        return Err(misfit());
    }
    let cast = |a: &ArrayD<f64>| a.iter().map(|&v| T::from_f64(v)).collect::<Vec<T>>();
    let mut factors = Factors {
        trials: pass.rows.iter().map(|&v| T::from_f64(v)).collect(),
        shared: [cast(slices), cast(neurons), cast(time)],
    };
    if pass.step == 0 {
        let loss = layout.model(&factors).residual(chunk.dense(), threads);
        return Ok(Part { rows: pass.rows, sums: Vec::new(), loss });
    }
    let sums = gaps.sums(&mut factors, pass.step - 1);
    let row = |values: &[T]| {
        let values: Vec<f64> = values.iter().map(|v| v.to_f64()).collect();
        Array2::from_shape_vec((1, values.len()), values).expect("one row")
    };
    let rows = factors.trials.iter().map(|v| v.to_f64()).collect();
    Ok(Part {
        rows: Array2::from_shape_vec(pass.rows.dim(), rows).expect("trials keep their size"),
        sums: vec![row(&sums.gradient), row(&sums.matrices)],
        loss: sums.loss,
    })
}

/// Fits a recording in chunks from a given model: loadings of neurons and time and slices of trials; what belongs to the
/// trials may be zero.
pub fn fit_chunks(
    chunks: &dyn Chunks,
    whole: Whole<'_>,
    n_observed: usize,
    options: Options,
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<Fit<f64>> {
    options.check(whole.shape)?;
    let Start::Given(start) = options.start else {
        return Err(Error::value("init", "no model", "a model to start from"));
    };
    let lengths = (whole.shape[0], whole.shape[1], whole.shape[2]);
    let layout = Layout { lengths, ranks: options.ranks, nonnegative: options.nonnegative };
    let complete = (0..3).all(|kind| start.loadings[kind].nrows() == layout.ranks[kind]);
    if !complete {
        return Err(Error::value("init", "a model with fewer components", "one with all of them"));
    }
    // What belongs to the trials is large: each of its copies goes as soon as there is the next.
    let mut model: SliceModel<f64> = admissible(&start, options.nonnegative);
    drop(start);
    model.scale(1.0 / whole.scale);
    let start = layout.factors(&model);
    drop(model);
    let problem = Chunked { chunks, layout };
    let unit = whole.scale * whole.scale / n_observed as f64;
    let noise = NOISE * whole.epsilon * whole.sum_of_squares;
    let limits = Limits { noise, ..Limits::new(options.max_iter, options.tol) };
    let total = options.max_iter;
    let mut found = descend(&problem, start, limits, &mut |done, loss| {
        monitor.report(Progress { done, total, loss: loss * unit }) == Flow::Continue
    })?;
    let residual = closing_residual(&mut found, |state| Ok(problem.pass(&mut state.clone(), 0)?.1))?;
    let model = layout.model(&found.state);
    let mut model = if options.nonnegative.contains(&true) {
        model.standardized()
    } else {
        model.canonical(options.invariance, threads)?
    };
    model.scale(whole.scale);
    Ok(Fit {
        model,
        loss: residual * unit,
        score: if whole.sum_of_squares > 0.0 { 1.0 - residual / whole.sum_of_squares } else { 1.0 },
        loss_history: found.history.iter().map(|loss| loss * unit).collect(),
        start_losses: Vec::new(),
        outcome: found.outcome,
    })
}

struct Chunked<'a> {
    chunks: &'a dyn Chunks,
    layout: Layout,
}

impl Chunked<'_> {
    fn pass(&self, factors: &mut Factors<f64>, step: usize) -> Result<(Vec<Array2<f64>>, f64)> {
        let (n_trials, n_neurons, n_steps) = self.layout.lengths;
        let [r0, r1, r2] = self.layout.ranks;
        let shapes = [vec![r0, n_neurons, n_steps], vec![r1, n_neurons], vec![r2, n_steps]];
        let shared: Vec<ArrayD<f64>> = shapes
            .iter()
            .zip(&factors.shared)
            .map(|(shape, data)| ArrayD::from_shape_vec(IxDyn(shape), data.clone()).expect("own shape"))
            .collect();
        let dim = (n_trials, self.layout.per_trial());
        let rows = Array2::from_shape_vec(dim, std::mem::take(&mut factors.trials)).expect("whole rows");
        let Part { rows, sums, loss } = self.chunks.pass(Pass { step, shared: &shared, rows })?;
        factors.trials = rows.into_raw_vec_and_offset().0;
        Ok((sums, loss))
    }
}

impl Blocks for Chunked<'_> {
    type State = Factors<f64>;
    const SCHEDULE: Schedule = SCHEDULE;

    fn sweep(&self, factors: &mut Self::State) -> Result<f64> {
        let mut loss = f64::INFINITY;
        for kind in (0..3).filter(|&kind| self.layout.ranks[kind] > 0) {
            let (sums, before) = self.pass(factors, kind + 1)?;
            let got: Vec<usize> = sums.iter().map(Array2::len).collect();
            let mut flat = sums.into_iter().map(|sum| sum.into_iter().collect::<Vec<f64>>());
            let (Some(gradient), Some(matrices)) = (flat.next(), flat.next()) else {
                return Err(Error::shape("chunks", &got, "sums for every slice type"));
            };
            let rank = self.layout.ranks[kind];
            let sums = Sums { gradient, matrices, loss: before };
            loss = sums.improve(&mut factors.shared[kind], rank, rule(self.layout.nonnegative, kind));
        }
        Ok(loss)
    }

    fn extrapolated(&self, now: &Self::State, before: &Self::State, beta: f64) -> Self::State {
        self.layout.extrapolated(now, before, beta)
    }
}
