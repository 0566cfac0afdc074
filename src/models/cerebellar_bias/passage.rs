//! Some trials of a batch led forwards through time, everything kept for the way back.
//!
//! Rows are padded to whole registers; what stands in the padding is zero. The mossy fibres of step t hold h_{t−1} and x_t
//! side by side, so that cortex and granule cells read the same row, and h_t is written into that of step t + 1.

use super::CerebellarBias;
use crate::linalg::{Begin, Packed, Source, combine};
use crate::numerics::activation::relu;
use crate::numerics::lanes::padded;
use crate::real::Real;

/// The weights in the order in which products read them, made anew after each update.
#[derive(Debug, Default)]
pub(super) struct Wires<R> {
    /// [W_h W_x], W_out, W_gc, W_pc and W_dcn, forwards (`ahead`) and transposed for the way back.
    pub ahead: [Packed<R>; 5],
    pub back: [Packed<R>; 5],
    pub biases: [Vec<R>; 5],
}

pub(super) const CORE: usize = 0;
pub(super) const OUT: usize = 1;
pub(super) const GC: usize = 2;
pub(super) const PC: usize = 3;
pub(super) const DCN: usize = 4;

/// Padded widths of rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Widths {
    pub mossy: usize,
    pub units: usize,
    pub outputs: usize,
    pub granule: usize,
    pub purkinje: usize,
}

impl<R: Real> Wires<R> {
    pub fn new(network: &CerebellarBias<R>) -> Self {
        let sizes = network.sizes;
        let (units, mossy) = (sizes.units, sizes.units + sizes.inputs);
        let pair = |n_out: usize, n_in: usize, name: &str| {
            let (mut ahead, mut back) = (Packed::zeros(n_in, n_out), Packed::zeros(n_out, n_in));
            ahead.set_transposed(0, 0, n_in, network.values(name));
            back.set_block(0, 0, n_in, network.values(name));
            (ahead, back)
        };
        let bias = |n: usize, name: &str| {
            let mut row = network.values(name).to_vec();
            row.resize(padded::<R>(n), R::ZERO);
            row
        };
        let (mut core, mut core_back) = (Packed::zeros(mossy, units), Packed::zeros(units, mossy));
        for (from, n, name) in [(0, units, "W_h"), (units, sizes.inputs, "W_x")] {
            core.set_transposed(from, 0, n, network.values(name));
            core_back.set_block(0, from, n, network.values(name));
        }
        let (out, out_back) = pair(sizes.outputs, units, "W_out");
        let (gc, gc_back) = pair(sizes.granule, mossy, "W_gc");
        let (pc, pc_back) = pair(sizes.purkinje, sizes.granule, "W_pc");
        let (dcn, dcn_back) = pair(units, sizes.purkinje, "W_dcn");
        Self {
            ahead: [core, out, gc, pc, dcn],
            back: [core_back, out_back, gc_back, pc_back, dcn_back],
            biases: [
                bias(units, "b"),
                bias(sizes.outputs, "b_out"),
                bias(sizes.granule, "b_gc"),
                bias(sizes.purkinje, "b_pc"),
                bias(units, "b_dcn"),
            ],
        }
    }
}

/// Trials on their way through time: arrays of (steps, rows, padded units).
#[derive(Debug, Default)]
pub(super) struct Passage<R> {
    pub n_rows: usize,
    pub n_steps: usize,
    pub widths: Widths,
    /// ξ; one step more than the others, for the last state.
    pub mossy: Vec<R>,
    /// s, and on the way back its gradient.
    pub drive: Vec<R>,
    pub granule: Vec<R>,
    pub purkinje: Vec<R>,
    /// c, and on the way back its gradient.
    pub nuclei: Vec<R>,
    pub bias: Vec<R>,
    /// min(1, κ ‖s‖ / ‖c‖) and both norms, (steps, rows).
    pub bounds: Vec<[R; 3]>,
    /// y, and on the way back the gradient that comes from the loss.
    pub outputs: Vec<R>,
    /// What the way back needs.
    pub slopes: super::adjoint::Slopes<R>,
}

/// The part of an array that belongs to one step.
pub(super) fn at(step: usize, size: usize) -> std::ops::Range<usize> {
    step * size..(step + 1) * size
}

impl<R: Real> Passage<R> {
    /// Takes trials: `inputs` is (rows, steps, inputs).
    pub fn load(&mut self, network: &CerebellarBias<R>, inputs: &[R], n_steps: usize) {
        let sizes = network.sizes;
        self.n_rows = inputs.len() / (n_steps * sizes.inputs);
        self.n_steps = n_steps;
        self.widths = Widths {
            mossy: padded::<R>(sizes.units + sizes.inputs),
            units: padded::<R>(sizes.units),
            outputs: padded::<R>(sizes.outputs),
            granule: padded::<R>(sizes.granule),
            purkinje: padded::<R>(sizes.purkinje),
        };
        let n = self.n_rows * n_steps;
        let widths = self.widths;
        for (buffer, size) in [
            (&mut self.mossy, (n + self.n_rows) * widths.mossy),
            (&mut self.drive, n * widths.units),
            (&mut self.granule, n * widths.granule),
            (&mut self.purkinje, n * widths.purkinje),
            (&mut self.nuclei, n * widths.units),
            (&mut self.bias, n * widths.units),
            (&mut self.outputs, n * widths.outputs),
        ] {
            buffer.clear();
            buffer.resize(size, R::ZERO);
        }
        self.bounds.clear();
        self.bounds.resize(n, [R::ZERO; 3]);
        for (row, trial) in inputs.chunks_exact(n_steps * sizes.inputs).enumerate() {
            for (step, values) in trial.chunks_exact(sizes.inputs).enumerate() {
                let start = (step * self.n_rows + row) * widths.mossy + sizes.units;
                self.mossy[start..start + sizes.inputs].copy_from_slice(values);
            }
        }
    }

    /// Whether the cerebellum speaks at a step.
    pub fn speaks(network: &CerebellarBias<R>, lesion: &[bool], step: usize) -> bool {
        network.has_cerebellum() && !lesion.get(step).copied().unwrap_or(false)
    }

    /// From the first step to the last. `lesion` holds a flag for each step, or is empty.
    pub fn forward(&mut self, network: &CerebellarBias<R>, wires: &Wires<R>, lesion: &[bool]) {
        let (n_rows, widths, n_units) = (self.n_rows, self.widths, network.sizes.units);
        let rate = R::from_f64(1.0 / network.settings.tau);
        let keep = R::from_f64(1.0 - 1.0 / network.settings.tau);
        let leak = R::from_f64(network.settings.leak);
        let layer = |out: &mut [R], width, rows: &[R], stride, number: usize| {
            let source = Source { rows, stride, matrix: &wires.ahead[number] };
            combine(out, width, n_rows, width, Begin::Row(&wires.biases[number]), &[source]);
        };
        for step in 0..self.n_steps {
            let units = at(step, n_rows * widths.units);
            let (past, next) = self.mossy.split_at_mut((step + 1) * n_rows * widths.mossy);
            let past = &past[step * n_rows * widths.mossy..];
            let drive = &mut self.drive[units.clone()];
            layer(drive, widths.units, past, widths.mossy, CORE);
            if Self::speaks(network, lesion, step) {
                let granule = &mut self.granule[at(step, n_rows * widths.granule)];
                layer(granule, widths.granule, past, widths.mossy, GC);
                relu(granule);
                let purkinje = &mut self.purkinje[at(step, n_rows * widths.purkinje)];
                layer(purkinje, widths.purkinje, granule, widths.granule, PC);
                relu(purkinje);
                let nuclei = &mut self.nuclei[units.clone()];
                layer(nuclei, widths.units, purkinje, widths.purkinje, DCN);
                let rows = self.bias[units.clone()].chunks_exact_mut(widths.units);
                let both = nuclei.chunks_exact(widths.units).zip(drive.chunks_exact(widths.units));
                for ((bias, (nuclei, drive)), kept) in rows.zip(both).zip(&mut self.bounds[at(step, n_rows)])
                {
                    *kept = bound(network.settings.bound, drive, nuclei);
                    bias.iter_mut().zip(nuclei).for_each(|(bias, &c)| *bias = c * kept[0]);
                }
            }
            let sums = drive.chunks_exact(widths.units).zip(self.bias[units].chunks_exact(widths.units));
            let states = next.chunks_exact_mut(widths.mossy).zip(past.chunks_exact(widths.mossy));
            for ((next, past), (drive, bias)) in states.zip(sums) {
                for (unit, next) in next[..n_units].iter_mut().enumerate() {
                    let a = drive[unit] + bias[unit];
                    *next = keep * past[unit] + rate * (if a > R::ZERO { a } else { leak * a });
                }
            }
        }
        let states = &self.mossy[n_rows * widths.mossy..];
        let source = Source { rows: states, stride: widths.mossy, matrix: &wires.ahead[OUT] };
        let n = n_rows * self.n_steps;
        let begin = Begin::Row(&wires.biases[OUT]);
        combine(&mut self.outputs, widths.outputs, n, widths.outputs, begin, &[source]);
    }
}

/// By how much the nuclei's output is scaled down, and the norms of drive and output.
fn bound<R: Real>(ratio: f64, drive: &[R], nuclei: &[R]) -> [R; 3] {
    let norm = |row: &[R]| row.iter().map(|&value| value * value).sum::<R>().sqrt();
    let (drive, nuclei) = (norm(drive), norm(nuclei));
    let most = R::from_f64(ratio) * drive;
    let scale = if nuclei > most { most / nuclei } else { R::ONE };
    [scale, drive, nuclei]
}
