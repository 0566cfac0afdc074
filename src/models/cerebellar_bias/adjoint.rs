//! The way back through time: gradients of all weights from those of the outputs.
//!
//! ```text
//! δh_t   from the outputs and from step t + 1;   δa = (1/τ) f'(s + β) ⊙ δh
//! β = c:                       δc = δa,                             δs = δa
//! β = κ ‖s‖ c / ‖c‖:           δc = κ ‖s‖/‖c‖ (δa − ĉ (ĉ·δa)),       δs = δa + κ (ĉ·δa) s / ‖s‖,   ĉ = c / ‖c‖
//! δp = [p > 0] W_dcnᵀ δc,   δg = [g > 0] W_pcᵀ δp,   δξ = W_gcᵀ δg + [W_h W_x]ᵀ δs,   δh_{t−1} = (1 − 1/τ) δh + δξ|_h
//! ```
//!
//! Gradients of weights are sums of outer products over all steps at once, after the loop.

use super::passage::{CORE, DCN, GC, OUT, PC, Passage, Wires, at};
use super::{CerebellarBias, Group};
use crate::linalg::{Begin, Rows, Source, add_outer, combine};
use crate::network::parameters::Parameters;
use crate::numerics::lanes::padded;
use crate::real::Real;

/// Gradients of activities, and of weights with padded rows.
#[derive(Debug, Default)]
pub(super) struct Slopes<R> {
    /// Of h, from the outputs: (steps, rows, units).
    states: Vec<R>,
    granule: Vec<R>,
    purkinje: Vec<R>,
    /// Of h and of ξ at one step.
    state: Vec<R>,
    mossy: Vec<R>,
    /// One weight matrix.
    matrix: Vec<R>,
}

impl<R: Real> Passage<R> {
    /// Writes the gradient of these trials; `outputs` holds that of the loss.
    pub fn backward(
        &mut self,
        network: &CerebellarBias<R>,
        wires: &Wires<R>,
        lesion: &[bool],
        gradient: &mut [Parameters<R>; 3],
    ) {
        for part in gradient.iter_mut() {
            part.fill_zero();
        }
        let (n_rows, widths, n_units) = (self.n_rows, self.widths, network.sizes.units);
        let n = n_rows * self.n_steps;
        for (buffer, size) in [
            (&mut self.slopes.states, n * widths.units),
            (&mut self.slopes.granule, n * widths.granule),
            (&mut self.slopes.purkinje, n * widths.purkinje),
            (&mut self.slopes.state, n_rows * widths.units),
            (&mut self.slopes.mossy, n_rows * widths.mossy),
        ] {
            buffer.clear();
            buffer.resize(size, R::ZERO);
        }
        self.outer(gradient, Group::Readout, network);
        let source = Source { rows: &self.outputs, stride: widths.outputs, matrix: &wires.back[OUT] };
        combine(&mut self.slopes.states, widths.units, n, widths.units, Begin::Zero, &[source]);
        for step in (0..self.n_steps).rev() {
            let speaks = Self::speaks(network, lesion, step);
            self.through_the_unit(network, step);
            if speaks {
                self.through_the_bound(network.settings.bound, step);
                self.through_the_cerebellum(wires, step);
            } else {
                // δs = δa, and nothing comes from the nuclei.
                let units = at(step, n_rows * widths.units);
                self.drive[units.clone()].copy_from_slice(&self.bias[units]);
            }
            let slopes = &mut self.slopes;
            let cortex = Source {
                rows: &self.drive[at(step, n_rows * widths.units)],
                stride: widths.units,
                matrix: &wires.back[CORE],
            };
            let granule = Source {
                rows: &slopes.granule[at(step, n_rows * widths.granule)],
                stride: widths.granule,
                matrix: &wires.back[GC],
            };
            let sources = [cortex, granule];
            let sources = &sources[..if speaks { 2 } else { 1 }];
            combine(&mut slopes.mossy, widths.mossy, n_rows, widths.mossy, Begin::Zero, sources);
            let keep = R::from_f64(1.0 - 1.0 / network.settings.tau);
            let rows = slopes.state.chunks_exact_mut(widths.units);
            for (state, mossy) in rows.zip(slopes.mossy.chunks_exact(widths.mossy)) {
                for (state, &mossy) in state[..n_units].iter_mut().zip(mossy) {
                    *state = keep * *state + mossy;
                }
            }
        }
        self.outer(gradient, Group::Core, network);
        self.outer(gradient, Group::Cerebellum, network);
        for part in gradient.iter_mut() {
            network.mask(part);
        }
    }

    /// δh gathers what comes from the outputs, and δa takes the place of s + β's memory in `bias`.
    fn through_the_unit(&mut self, network: &CerebellarBias<R>, step: usize) {
        let units = at(step, self.n_rows * self.widths.units);
        let rate = R::from_f64(1.0 / network.settings.tau);
        let low = rate * R::from_f64(network.settings.leak);
        let from_outputs = &self.slopes.states[units.clone()];
        let sums = self.drive[units.clone()].iter().zip(&mut self.bias[units]);
        for ((state, &new), (&drive, bias)) in self.slopes.state.iter_mut().zip(from_outputs).zip(sums) {
            *state += new;
            let slope = if drive + *bias > R::ZERO { rate } else { low };
            *bias = slope * *state;
        }
    }

    fn through_the_bound(&mut self, ratio: f64, step: usize) {
        let width = self.widths.units;
        let ratio = R::from_f64(ratio);
        for row in 0..self.n_rows {
            let [scale, drive_norm, nuclei_norm] = self.bounds[step * self.n_rows + row];
            let place = at(step * self.n_rows + row, width);
            let slope = &self.bias[place.clone()];
            let (drive, nuclei) = (&mut self.drive[place.clone()], &mut self.nuclei[place]);
            if nuclei_norm <= ratio * drive_norm {
                drive.copy_from_slice(slope);
                nuclei.copy_from_slice(slope);
                continue;
            }
            let along = nuclei.iter().zip(slope).map(|(&c, &d)| c * d).sum::<R>() / nuclei_norm;
            let push = if drive_norm > R::ZERO { ratio * along / drive_norm } else { R::ZERO };
            for ((drive, nuclei), &slope) in drive.iter_mut().zip(nuclei.iter_mut()).zip(slope) {
                *nuclei = scale * (slope - *nuclei / nuclei_norm * along);
                *drive = slope + push * *drive;
            }
        }
    }

    fn through_the_cerebellum(&mut self, wires: &Wires<R>, step: usize) {
        let (n_rows, widths) = (self.n_rows, self.widths);
        let places = [n_rows * widths.units, n_rows * widths.purkinje, n_rows * widths.granule];
        let [nuclei, purkinje, granule] = places.map(|size| at(step, size));
        let down = |out: &mut [R], width: usize, rows: &[R], stride, number: usize, activity: &[R]| {
            let source = Source { rows, stride, matrix: &wires.back[number] };
            combine(out, width, n_rows, width, Begin::Zero, &[source]);
            for (slope, &activity) in out.iter_mut().zip(activity) {
                if activity <= R::ZERO {
                    *slope = R::ZERO;
                }
            }
        };
        let slope = &mut self.slopes.purkinje[purkinje.clone()];
        down(slope, widths.purkinje, &self.nuclei[nuclei], widths.units, DCN, &self.purkinje[purkinje]);
        let below = &mut self.slopes.granule[granule.clone()];
        down(below, widths.granule, slope, widths.purkinje, PC, &self.granule[granule]);
    }

    /// Gradients of a group's weights, from those of what they drive and from what drives them.
    fn outer(&mut self, gradient: &mut [Parameters<R>; 3], group: Group, network: &CerebellarBias<R>) {
        let (sizes, widths, n) = (network.sizes, self.widths, self.n_rows * self.n_steps);
        let part = &mut gradient[group as usize];
        let mut matrix = std::mem::take(&mut self.slopes.matrix);
        let mossy = (&self.mossy[..], widths.mossy);
        let states = (&self.mossy[self.n_rows * widths.mossy..], widths.mossy);
        let mut add =
            |left: (&[R], usize, usize), right: (&[R], usize), names: &[(&str, usize, usize)], bias| {
                let (values, stride, rows) = left;
                // Whole registers of the right rows: up to what the named arrays hold.
                let last = names.iter().map(|(_, from, n)| from + n).max().unwrap_or_default();
                let width = padded::<R>(last).min(right.1);
                matrix.clear();
                matrix.resize(rows * width, R::ZERO);
                let left = Rows { values, stride, width: rows };
                add_outer(&mut matrix, n, left, Rows { values: right.0, stride: right.1, width });
                for &(name, from, columns) in names {
                    let Some(array) = part.get_mut(name) else { continue };
                    for (to, row) in array.values.chunks_exact_mut(columns).zip(matrix.chunks_exact(width)) {
                        to.copy_from_slice(&row[from..from + columns]);
                    }
                }
                if let Some(array) = part.get_mut(bias) {
                    for row in values.chunks_exact(stride).take(n) {
                        array.values.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value);
                    }
                }
            };
        match group {
            Group::Core => {
                let names = [("W_h", 0, sizes.units), ("W_x", sizes.units, sizes.inputs)];
                add((&self.drive, widths.units, sizes.units), mossy, &names, "b");
            }
            Group::Readout => {
                let left = (&self.outputs[..], widths.outputs, sizes.outputs);
                add(left, states, &[("W_out", 0, sizes.units)], "b_out");
            }
            Group::Cerebellum if !network.has_cerebellum() => {}
            Group::Cerebellum => {
                let slopes = &self.slopes;
                let granule = (&slopes.granule[..], widths.granule, sizes.granule);
                add(granule, mossy, &[("W_gc", 0, sizes.units + sizes.inputs)], "b_gc");
                let purkinje = (&slopes.purkinje[..], widths.purkinje, sizes.purkinje);
                add(purkinje, (&self.granule, widths.granule), &[("W_pc", 0, sizes.granule)], "b_pc");
                let nuclei = (&self.nuclei[..], widths.units, sizes.units);
                add(nuclei, (&self.purkinje, widths.purkinje), &[("W_dcn", 0, sizes.purkinje)], "b_dcn");
            }
        }
        self.slopes.matrix = matrix;
    }
}
