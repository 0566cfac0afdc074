//! What a recurrent network is made of, apart from its weights.

use crate::error::{Error, Result};

/// The function φ between the drive of a rate unit and its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// tanh z
    Tanh,
    /// max(0, z)
    Relu,
    /// log(1 + eᶻ)
    Softplus,
    /// 1 / (1 + e⁻ᶻ)
    Sigmoid,
    /// max(0, tanh z)
    RectifiedTanh,
    /// z
    Linear,
}

/// Where a rate unit leaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leak {
    /// h ← (1 − α) h + α φ(z): after the activation.
    Rate,
    /// v ← (1 − α) v + α z, r = φ(v): before it.
    Current,
}

/// Spike-frequency adaptation of a leaky integrate-and-fire unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptation {
    /// Decay of the threshold's excess per step, ρ.
    pub decay: f64,
    /// Excess per unit of adaptation, β.
    pub strength: f64,
}

/// Leaky integrate-and-fire units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spiking {
    /// Decay of the membrane per step.
    pub decay: f64,
    /// Decay of what the readout sees of the spikes, κ.
    pub readout_decay: f64,
    /// Voltage at which a unit spikes, and by which it is reset.
    pub threshold: f64,
    /// Height of the surrogate derivative.
    pub surrogate: f64,
    /// None: plain units.
    pub adaptation: Option<Adaptation>,
}

/// The kind of units.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Leaky rate units.
    Rate {
        /// φ.
        activation: Activation,
        /// Before or after φ.
        leak: Leak,
        /// dt / τ of every unit, in (0, 1].
        alpha: Vec<f64>,
    },
    /// Gated recurrent units.
    Gru,
    /// Long short-term memory.
    Lstm,
    /// Spiking units.
    Spiking(Spiking),
}

impl Cell {
    /// Rows of weights per unit.
    pub fn n_gates(&self) -> usize {
        match self {
            Self::Rate { .. } | Self::Spiking(_) => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }
}

/// Conduction delays between units, in steps beyond the one that every connection takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecurrentDelays {
    /// The same for all.
    Uniform(usize),
    /// One per connection, row by row.
    PerConnection(Vec<usize>),
}

impl RecurrentDelays {
    /// The different delays, ascending.
    pub fn values(&self) -> Vec<usize> {
        match self {
            Self::Uniform(delay) => vec![*delay],
            Self::PerConnection(delays) => {
                let mut values = delays.clone();
                values.sort_unstable();
                values.dedup();
                values
            }
        }
    }

    /// The longest.
    pub fn longest(&self) -> usize {
        match self {
            Self::Uniform(delay) => *delay,
            Self::PerConnection(delays) => delays.iter().copied().max().unwrap_or(0),
        }
    }
}

/// Everything about a network but its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// Inputs.
    pub n_inputs: usize,
    /// Recurrent units.
    pub n_units: usize,
    /// Outputs.
    pub n_outputs: usize,
    /// Kind of units.
    pub cell: Cell,
    /// Standard deviation of private noise.
    pub noise: f64,
    /// Standard deviation of noise on the inputs.
    pub input_noise: f64,
    /// Whether outputs are fed back to the units.
    pub feedback: bool,
    /// Between units.
    pub recurrent_delays: RecurrentDelays,
    /// From inputs to units.
    pub input_delay: usize,
    /// From outputs back to units, beyond one step.
    pub feedback_delay: usize,
}

/// More steps of delay than this are a typing error.
const LONGEST_DELAY: usize = 1_000_000;

impl Structure {
    /// Whether the numbers make sense.
    pub fn check(&self) -> Result<()> {
        for (argument, value) in [("n_units", self.n_units), ("n_outputs", self.n_outputs)] {
            if value == 0 {
                return Err(Error::value(argument, value, "at least 1"));
            }
        }
        for (argument, value) in [("noise", self.noise), ("input_noise", self.input_noise)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::value(argument, value, "a standard deviation, finite and not negative"));
            }
        }
        for delay in [self.recurrent_delays.longest(), self.input_delay, self.feedback_delay] {
            if delay > LONGEST_DELAY {
                return Err(Error::value("delays", delay, format!("at most {LONGEST_DELAY} steps")));
            }
        }
        if let RecurrentDelays::PerConnection(delays) = &self.recurrent_delays
            && delays.len() != self.n_units * self.n_units
        {
            return Err(Error::shape("delays", &[delays.len()], "one per pair of units"));
        }
        match &self.cell {
            Cell::Rate { alpha, .. } => {
                if alpha.len() != self.n_units {
                    return Err(Error::shape("alpha", &[alpha.len()], "one per unit"));
                }
                match alpha.iter().find(|a| !(**a > 0.0 && **a <= 1.0)) {
                    Some(a) => Err(Error::value("alpha", a, "dt / tau in (0, 1]")),
                    None => Ok(()),
                }
            }
            Cell::Spiking(spiking) => spiking.check(),
            Cell::Gru | Cell::Lstm => Ok(()),
        }
    }

    /// Steps of activity that a step looks back on.
    pub fn n_lags(&self) -> usize {
        1 + self.recurrent_delays.longest()
    }

    /// Whether a step depends on anything but the state before it and its input.
    pub fn has_delays(&self) -> bool {
        self.recurrent_delays.longest() > 0
            || self.input_delay > 0
            || (self.feedback && self.feedback_delay > 0)
    }
}

impl Spiking {
    fn check(&self) -> Result<()> {
        let mut decays = vec![("tau", self.decay), ("tau_out", self.readout_decay)];
        if let Some(adaptation) = self.adaptation {
            decays.push(("tau_adaptation", adaptation.decay));
            if !adaptation.strength.is_finite() {
                return Err(Error::value("adaptation", adaptation.strength, "a finite number"));
            }
        }
        for (argument, decay) in decays {
            if !(0.0..1.0).contains(&decay) {
                return Err(Error::value(argument, decay, "a decay per step in [0, 1)"));
            }
        }
        for (argument, value) in [("threshold", self.threshold), ("surrogate", self.surrogate)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::value(argument, value, "a positive number"));
            }
        }
        Ok(())
    }
}
