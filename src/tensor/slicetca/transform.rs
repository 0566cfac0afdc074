//! New trials in the terms of a fitted model.
//!
//! The trial slices A_r and the loadings v, w of neurons and time are held. A new trial x (neurons × time) has its own
//! trial loadings u, its row B of every neuron slice and its row C of every time slice:
//!
//! ```text
//! minimise ‖x − Σ_r u_r A_r − Vᵀ B − Cᵀ W‖²
//! ```
//!
//! With P, P' the projectors on the spans of v and w, B and C leave (1 − P) (x − Σ u A) (1 − P'), so u solves a system
//! of R_0 unknowns, and what remains is shared equally between the two (as in `invariance`). With gaps, or where a type
//! must not be negative, u, B and C take turns as in a sweep (`gaps`) until they settle.

use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayViewD, Axis};

use super::super::dense::Prepared;
use super::gaps::Gaps;
use super::model::SliceModel;
use crate::error::{Error, Result};
use crate::linalg::{Ridge, orthonormal_basis, solve_spd_rows};
use crate::numerics::parallel::Threads;

/// Turns of u, B and C at the most, and the gain of a turn, as a share of the trial's sum of squares, that ends them.
const MAX_TURNS: usize = 2000;
const SETTLED: f64 = 1e-16;

/// What is particular to the new trials.
#[derive(Debug, Clone)]
pub struct NewTrials {
    /// Trial loadings, R_0 × n_new.
    pub loadings: Array2<f64>,
    /// Rows of the neuron slices, R_1 × n_new × n_time.
    pub neuron_slices: Array3<f64>,
    /// Rows of the time slices, R_2 × n_new × n_neurons.
    pub time_slices: Array3<f64>,
}

struct Held {
    slices: Vec<Array2<f64>>,
    /// (1 − P) A_r (1 − P').
    outside: Vec<Array2<f64>>,
    neuron: Span,
    time: Span,
}

/// A span of loadings: an orthonormal basis, and how its coordinates become those of the loadings.
struct Span {
    basis: Array2<f64>,
    to_loadings: Array2<f64>,
}

impl Span {
    fn of(u: &Array2<f64>) -> Result<Self> {
        let basis = orthonormal_basis(u.t());
        // Uᵀ B = Q Y for the smallest B: B = (U Uᵀ)⁻¹ U Q Y.
        let rhs = u.dot(&basis).t().to_owned();
        let none = Array2::zeros(rhs.dim());
        let to_loadings = if u.nrows() == 0 {
            Array2::zeros((0, 0))
        } else {
            solve_spd_rows(u.dot(&u.t()).view(), rhs.view(), none.view(), Ridge(0.0))?.t().to_owned()
        };
        Ok(Self { basis, to_loadings })
    }

    fn project(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        self.basis.dot(&self.basis.t().dot(&x))
    }
}

struct Row {
    u: Array1<f64>,
    neuron: Array2<f64>,
    time: Array2<f64>,
}

impl Held {
    fn outside(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        let left = &x - &self.neuron.project(x);
        &left - &self.time.project(left.t()).t()
    }

    /// The complete case.
    fn solve(&self, x: &Array2<f64>) -> Result<Row> {
        let rank = self.slices.len();
        let mut u = Array2::zeros((1, rank));
        if rank > 0 {
            let rest = self.outside(x.view());
            let gram =
                Array2::from_shape_fn((rank, rank), |(r, s)| (&self.outside[r] * &self.outside[s]).sum());
            let rhs = Array2::from_shape_fn((1, rank), |(_, r)| (&self.outside[r] * &rest).sum());
            u = solve_spd_rows(gram.view(), rhs.view(), u.view(), Ridge(0.0))?;
        }
        let mut estimate = Array2::zeros(x.dim());
        self.slices.iter().zip(&u).for_each(|(a, &u)| estimate.scaled_add(u, a));
        let rest = x - &estimate;
        let by_neuron = self.neuron.project(rest.view());
        let by_time = self.time.project(rest.t()).t().to_owned();
        let shared = self.time.project(by_neuron.t()).t().to_owned();
        let half = &shared * 0.5;
        let (by_neuron, by_time) = (by_neuron - &half, by_time - &half);
        Ok(Row {
            u: u.row(0).to_owned(),
            neuron: self.neuron.to_loadings.dot(&self.neuron.basis.t().dot(&by_neuron)),
            time: self.time.to_loadings.dot(&self.time.basis.t().dot(&by_time.t())),
        })
    }
}

/// The new trials' own part of the model. A trial of which nothing was observed gets zeros.
pub fn transform(
    x: ArrayViewD<'_, f64>,
    mask: Option<ArrayViewD<'_, bool>>,
    model: &SliceModel<f64>,
    nonnegative: [bool; 3],
    threads: &Threads,
) -> Result<NewTrials> {
    let (n_neurons, n_steps) = (model.loadings[1].ncols(), model.loadings[2].ncols());
    if x.ndim() != 3 || x.shape()[1..] != [n_neurons, n_steps] {
        let expected = format!("(any number of trials, {n_neurons}, {n_steps}), as fitted");
        return Err(Error::shape("X", x.shape(), expected));
    }
    let data = Prepared::new(x, mask, threads)?;
    // A power of two that makes the slices' squares safe; the loadings are those of the slices so scaled.
    let largest = model.slices[0].iter().fold(0.0_f64, |m, a| m.max(a.abs()));
    let unit = if largest > 0.0 { (-largest.log2().floor()).exp2() } else { 1.0 };
    let slices = &model.slices[0] * unit;
    let ranks: [usize; 3] = std::array::from_fn(|kind| model.loadings[kind].nrows());
    let mut held = Held {
        slices: slices.outer_iter().map(|a| a.to_owned()).collect(),
        outside: Vec::new(),
        neuron: Span::of(&model.loadings[1])?,
        time: Span::of(&model.loadings[2])?,
    };
    held.outside = held.slices.iter().map(|a| held.outside(a.view())).collect();
    let gaps = Gaps { x: data.dense(), ranks, nonnegative, threads };
    let shared = [
        slices.iter().copied().collect(),
        model.loadings[1].iter().copied().collect(),
        model.loadings[2].iter().copied().collect(),
    ];
    let constrained = nonnegative.contains(&true);
    let size = n_neurons * n_steps;
    let rows = threads.map(data.dense().shape[0], |k| {
        let x = &data.dense().data[k * size..(k + 1) * size];
        let plane = ArrayView2::from_shape((n_neurons, n_steps), x).expect("one trial");
        if !constrained && !plane.iter().any(|v| v.is_nan()) {
            return held.solve(&plane.to_owned());
        }
        let trial = gaps.settled_trial(k, &shared, MAX_TURNS, SETTLED)?;
        let row = Row::of(&trial, ranks, n_neurons, n_steps);
        // Where signs are free, what both types could hold is shared equally here too.
        if constrained { Ok(row) } else { held.solve(&row.estimate(&held.slices, model)) }
    });
    let n_trials = rows.len();
    let mut out = NewTrials {
        loadings: Array2::zeros((ranks[0], n_trials)),
        neuron_slices: Array3::zeros((ranks[1], n_trials, n_steps)),
        time_slices: Array3::zeros((ranks[2], n_trials, n_neurons)),
    };
    for (k, row) in rows.into_iter().enumerate() {
        let row = row?;
        out.loadings.column_mut(k).assign(&(row.u * (data.scale * unit)));
        out.neuron_slices.index_axis_mut(Axis(1), k).assign(&(row.neuron * data.scale));
        out.time_slices.index_axis_mut(Axis(1), k).assign(&(row.time * data.scale));
    }
    Ok(out)
}

impl Row {
    /// From u, B and C one after the other.
    fn of(trial: &[f64], ranks: [usize; 3], n_neurons: usize, n_steps: usize) -> Self {
        let (u, rest) = trial.split_at(ranks[0]);
        let (b, c) = rest.split_at(ranks[1] * n_steps);
        let matrix = |data: &[f64], rank, width| {
            Array2::from_shape_vec((rank, width), data.to_vec()).expect("rows of a trial")
        };
        Self {
            u: Array1::from(u.to_vec()),
            neuron: matrix(b, ranks[1], n_steps),
            time: matrix(c, ranks[2], n_neurons),
        }
    }

    /// The trial's plane.
    fn estimate(&self, slices: &[Array2<f64>], model: &SliceModel<f64>) -> Array2<f64> {
        let mut plane = model.loadings[1].t().dot(&self.neuron) + self.time.t().dot(&model.loadings[2]);
        slices.iter().zip(&self.u).for_each(|(a, &u)| plane.scaled_add(u, a));
        plane
    }
}
