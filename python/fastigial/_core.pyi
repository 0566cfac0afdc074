from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "GRAVITY",
    "Body",
    "CerebellarBias",
    "Cerebellum",
    "ControlLoop",
    "GranuleLayer",
    "Network",
    "Optimizer",
    "Rule",
    "Stepper",
    "__version__",
    "canonicalize_slicetca",
    "closed_loop_responses",
    "compress_tca",
    "counterfactual_traces",
    "eligibility_kernel",
    "fit_forward_interface",
    "fit_slicetca",
    "fit_slicetca_chunks",
    "fit_states",
    "fit_tca",
    "fit_tca_chunks",
    "learn_counterfactual",
    "local_wiring",
    "low_dimensional_feedback_parts",
    "num_threads",
    "pass_slicetca",
    "pass_tca",
    "random_wiring",
    "read_arrays",
    "reconstruct_slicetca",
    "reconstruct_tca",
    "run_adaptive_filter",
    "run_coupled",
    "run_forward_interface",
    "run_low_dimensional_feedback",
    "run_reaching",
    "set_num_threads",
    "simulate_states",
    "survey_chunk",
    "train_step",
    "transform_slicetca",
    "transform_tca",
    "write_arrays",
]

__version__: Final[str]

_Real = NDArray[np.float32] | NDArray[np.float64]
_Double = NDArray[np.float64]
_Mask = NDArray[np.bool_] | None
_Answer = tuple[_Double, list[_Double], float]
_Passes = Callable[[int, list[_Double], _Double], Iterable[_Answer]]
_Progress = Callable[[int, int, float], object] | None

def num_threads() -> int: ...
def set_num_threads(n_threads: int | None, /) -> None: ...
def write_arrays(path: str | PathLike[str], arrays: Mapping[str, _Real], text: str, /) -> None: ...
def read_arrays(path: str | PathLike[str], /) -> tuple[dict[str, NDArray[Any]], str]: ...
def compress_tca(
    x: _Real, mask: _Mask, *, n_components: int, n_threads: int | None
) -> tuple[list[_Double], _Double] | None: ...
def survey_chunk(x: _Real, mask: _Mask, *, n_threads: int | None) -> dict[str, Any]: ...

# kind: "two", "cascade" or "one"; rates, bounds and starts: A_f, B_f, A_s, B_s. "fast", "slow" (T,), "slopes" (T, 4).
def simulate_states(
    kind: str, rates: Sequence[float], perturbation: _Double, pauses: _Double
) -> dict[str, _Double]: ...

# Each row of data by itself: "rates" (B, 4), "squares" (B,), "normal" (B, 4, 4), "converged" list of bool.
def fit_states(
    kind: str,
    data: _Double,
    perturbation: _Double,
    pauses: _Double,
    starts: Sequence[Sequence[float]],
    bounds: Sequence[Sequence[float]],
    *,
    n_threads: int | None,
    progress: _Progress,
) -> dict[str, Any]: ...

# settings: what stands in `_settings` of the model: wiring (sources, recorded), scaling (shift, scale), limb (body,
# method, n_substeps, start), senses, cue, times, rates, and memories (readout (2, N) with rest, plan_weights (2, G)
# with plan_rest, turn). trials: inputs (B, T, 3), target (B, T, 4) and field (B, 4) float64, rotation (B,), blocked
# (B, T) and flags (B, 4) bool: channel, fast, slow, aims; given: whether the plan is the cue. Arrays by name, trials
# that were finished, and what `progress` raised; readout, plan_weights and turn_after are what was learned outside.
def run_reaching(
    network: Network,
    cerebellum: Cerebellum,
    settings: Mapping[str, Any],
    trials: Mapping[str, Any],
    *,
    seed: int | None,
    progress: _Progress,
) -> tuple[dict[str, NDArray[Any]], int, BaseException | None]: ...
def fit_forward_interface(
    x: _Real,
    y: _Real,
    *,
    hidden: Sequence[int],
    synthesiser: Sequence[int],
    backward: bool,
    forward: bool,
    loss: str,
    n_epochs: int,
    batch_size: int,
    learning_rate: float,
    synthesiser_learning_rate: float,
    seed: int,
    n_threads: int | None,
    progress: _Progress,
) -> tuple[dict[str, Any], BaseException | None]: ...
def run_forward_interface(
    x: _Real, weights: Mapping[str, _Real], *, unlocked: bool, n_threads: int | None
) -> list[NDArray[Any]]: ...
def fit_tca(
    x: _Real,
    mask: _Mask,
    *,
    n_components: int,
    nonnegative: Sequence[bool],
    init: str | Sequence[_Double],
    n_init: int,
    max_iter: int,
    tol: float,
    seed: int,
    n_threads: int | None,
    progress: _Progress,
    core: tuple[Sequence[_Double], _Double] | None = None,
) -> tuple[dict[str, Any], BaseException | None]: ...
def pass_tca(
    x: _Real,
    mask: _Mask,
    step: int,
    shared: Sequence[_Double],
    rows: _Double,
    *,
    nonnegative: Sequence[bool],
    incomplete: bool,
    scale: float,
    n_threads: int | None,
) -> _Answer: ...
def fit_tca_chunks(
    passes: _Passes,
    *,
    shape: Sequence[int],
    n_observed: int,
    sum_of_squares: float,
    incomplete: bool,
    scale: float,
    single: bool,
    n_components: int,
    nonnegative: Sequence[bool],
    init: Sequence[_Double],
    max_iter: int,
    tol: float,
    progress: _Progress,
) -> tuple[dict[str, Any], BaseException | None]: ...
def transform_tca(
    x: _Real,
    mask: _Mask,
    weights: _Double,
    factors: Sequence[_Double],
    *,
    nonnegative: bool,
    n_threads: int | None,
) -> _Double: ...
def reconstruct_tca(
    weights: _Double, factors: Sequence[_Double], *, components: Sequence[int], single: bool
) -> NDArray[Any]: ...
def fit_slicetca(
    x: _Real,
    mask: _Mask,
    *,
    n_components: Sequence[int],
    nonnegative: Sequence[bool],
    init: str | tuple[Sequence[_Double], Sequence[_Double]],
    n_init: int | None,
    invariance: str | None,
    max_iter: int,
    tol: float,
    seed: int,
    n_threads: int | None,
    progress: _Progress,
) -> tuple[dict[str, Any], BaseException | None]: ...
def pass_slicetca(
    x: _Real,
    mask: _Mask,
    step: int,
    shared: Sequence[_Double],
    rows: _Double,
    *,
    nonnegative: Sequence[bool],
    scale: float,
    n_threads: int | None,
) -> _Answer: ...
def fit_slicetca_chunks(
    passes: _Passes,
    *,
    shape: Sequence[int],
    n_observed: int,
    sum_of_squares: float,
    incomplete: bool,
    scale: float,
    single: bool,
    n_components: Sequence[int],
    nonnegative: Sequence[bool],
    init: tuple[Sequence[_Double], Sequence[_Double]],
    invariance: str | None,
    max_iter: int,
    tol: float,
    n_threads: int | None,
    progress: _Progress,
) -> tuple[dict[str, Any], BaseException | None]: ...
def transform_slicetca(
    x: _Real,
    mask: _Mask,
    loadings: Sequence[_Double],
    slices: Sequence[_Double],
    *,
    nonnegative: Sequence[bool],
    n_threads: int | None,
) -> tuple[_Double, _Double, _Double]: ...
def canonicalize_slicetca(
    loadings: Sequence[_Double], slices: Sequence[_Double], *, n_threads: int | None
) -> dict[str, Any]: ...
def reconstruct_slicetca(
    loadings: Sequence[_Double],
    slices: Sequence[_Double],
    *,
    components: Sequence[Sequence[int]],
    single: bool,
    n_threads: int | None,
) -> NDArray[Any]: ...

# Recurrent networks. B trials, T steps, I inputs, N units, O outputs, G gates; floating arrays are of the precision of
# the network's parameters, C-ordered. State variables by name, in the order of
# `jacobian` and `advance`: "h" (rate with leak="rate", gru); "current" (rate with leak="current"); "h", "cell" (lstm);
# "voltage", "h" (the spikes), "filtered" and, alif, "adaptation". S is N times their number.

_Array = NDArray[Any]
_Arrays = dict[str, _Array]
# ("mse" | "cross_entropy", targets (B, T, O), weights (B, T, O) | (B, T, 1) | None), the targets free of NaN, or
# ("unobserved", anything, None) where no target is, or a function of the outputs (B, T, O) that returns (loss,
# derivative (B, T, O)) or (loss, derivative, loss of each trial (B,) float64).
_Loss = tuple[str, _Array, _Array | None] | Callable[[_Array], Any]
# "activity_l2", "activity_l1", "weight_l2", "weight_l1": coefficient;
# "rate_target": (c, f) for c · mean over units of (mean over trials and steps of s − f)², f in spikes per step.
_Regularization = Mapping[str, Any]

@final
class Network:
    # structure: n_inputs, n_units, n_outputs: int; cell, activation, leak: str; alpha: (N,) float64 | None;
    # threshold, gamma, beta, kappa, rho_a, beta_a: float | None; noise, input_noise: float; feedback: bool;
    # recurrent_delays: None | int | (N, N) int64; input_delay, feedback_delay: int;
    # masks, trainable: {parameter: bool array of its shape}, only of those with a False; signs: None | (N,) int8.
    # An initial state that is given and fixed comes as the parameters "h0", "c0" with trainable False everywhere.
    def __new__(cls, structure: Mapping[str, Any], parameters: Mapping[str, _Array]) -> Network: ...
    def parameters(self) -> _Arrays: ...
    def set_parameters(self, parameters: Mapping[str, _Array]) -> None: ...
    # record: of "current", "cell", "voltage", "filtered", "adaptation"; the answer has "states", "outputs", "final"
    # ({state variable: (B, N)}) and those, (B, T, N). initial_state: {state variable: (N,) or (B, N)}; what is missing
    # is as the parameters have it, or 0. lesions: (pathway, first step, step after the last). progress: as for fits.
    def run(
        self,
        inputs: _Array,
        *,
        initial_state: Mapping[str, _Array] | None,
        seed: int | None,
        injected: _Array | None,
        silenced: NDArray[np.bool_] | None,
        lesions: Sequence[tuple[str, int, int]],
        record: Sequence[str],
        n_threads: int | None,
        progress: _Progress,
    ) -> dict[str, Any]: ...
    def gradient(
        self,
        inputs: _Array,
        loss: _Loss,
        rule: Rule,
        *,
        seed: int | None,
        initial_state: Mapping[str, _Array] | None,
        regularization: _Regularization,
        n_threads: int | None,
    ) -> tuple[float, _Arrays]: ...
    # "states", "predicted", "target", "exact": windows × trials × variables of the state.
    def signals(
        self, inputs: _Array, loss: _Loss, rule: Rule, *, seed: int | None, n_threads: int | None
    ) -> _Arrays: ...
    def jacobian(self, states: _Array, inputs: _Array) -> _Array: ...
    def advance(self, states: _Array, inputs: _Array) -> _Array: ...

@final
class Stepper:
    # Copies the network's parameters. state: the state variables, (n_trials, N), and whatever else the next step
    # depends on, under other names. set_state with state variables alone sets what earlier steps sent to what they
    # send.
    def __new__(cls, network: Network, n_trials: int, seed: int) -> Stepper: ...
    def step(self, inputs: _Array) -> tuple[_Array, _Array]: ...
    def state(self) -> _Arrays: ...
    def set_state(self, state: Mapping[str, _Array]) -> None: ...

@final
class Rule:
    # kind: options, all with seed: int
    #   bptt: truncation, checkpoint_every: int | None               rtrl: none
    #   synthetic_gradient: window: int, bootstrap: float, hidden: list[int]   state "weights_0" (out, in),
    #     "biases_0" (out,), …; changed by the network's optimiser, whose clipping and moments include them
    #   rflo, eprop: feedback: "random" | "symmetric"                state "feedback" (N, O)
    #   feedback_alignment: none                                     state "feedback" (N, O)
    #   kolen_pollack: decay: float                                  state "feedback" (N, O)
    #   node_perturbation: sigma: float, baseline: "unperturbed" | "running", decay: float    state "baseline" ()
    #   reinforce: sigma, decay: float                               state "baseline" ()
    #   miconi: amplitude, probability, trace_decay, decay: float    state "baseline" ()
    #   force: alpha: float, every: int                              state "inverse_correlation" (N, N)
    #   full_force: alpha: float, every: int, gain, target_scale: float     state "inverse_correlation" (N, N)
    # state: floating arrays, or whole numbers up to 2**53; empty before the first use.
    def __new__(cls, kind: str, options: Mapping[str, Any]) -> Rule: ...
    def state(self) -> _Arrays: ...
    def set_state(self, state: Mapping[str, _Array]) -> None: ...

@final
class Optimizer:
    # kind: options, all with learning_rate: float and clip: float | None
    #   sgd: momentum, weight_decay: float      adam: betas: (float, float), eps: float
    #   adamw: betas: (float, float), eps, weight_decay: float
    learning_rate: float
    def __new__(cls, kind: str, options: Mapping[str, Any]) -> Optimizer: ...
    def state(self) -> _Arrays: ...
    def set_state(self, state: Mapping[str, _Array]) -> None: ...

# Each network by its rule and optimiser on its batch; (loss, length of the gradient before clipping) of each.
# FloatingPointError if a loss or gradient is not finite, with a message that begins with "network k", k being its place
# in the list; no parameter of any network has changed then.
def train_step(
    networks: Sequence[Network],
    rules: Sequence[Rule],
    optimizers: Sequence[Optimizer],
    batches: Sequence[tuple[_Array, _Loss, Mapping[str, _Array] | None]],  # inputs, loss, initial state
    seeds: Sequence[int],
    *,
    regularization: _Regularization,
    n_threads: int | None,
) -> list[tuple[float, float]]: ...

# kind: "instantaneous" ([]), "exponential" or "alpha" ([decay per step]), "array" (kernel); delay in steps; numbers.
_Eligibility = tuple[str, int, Sequence[float]]

def eligibility_kernel(eligibility: _Eligibility, n_steps: int, /) -> _Double: ...

@final
class Cerebellum:
    # expansion: a granule layer, or a number of mossy fibres. parameters: "W_pf", "b_p", "B", "b_n", "C".
    # settings: zones: list[int]; inhibited: bool; delay: int; eligibility; plasticity: kind "lms" or "covariance" (with
    # rate), learning_rate, low, high, forgetting: float, per: "step" | "trial".
    def __new__(
        cls, expansion: GranuleLayer | int, parameters: Mapping[str, _Array], settings: Mapping[str, Any]
    ) -> Cerebellum: ...
    def parameters(self) -> _Arrays: ...
    def set_parameters(self, parameters: Mapping[str, _Array]) -> None: ...
    # "mean_E" (features,) and "mean_f" (zones,) of the covariance rule; else nothing.
    def means(self) -> _Arrays: ...
    def set_means(self, means: Mapping[str, _Array]) -> None: ...
    # "purkinje", "nuclei" and "features" (of width 0 unless asked for).
    def run(self, mossy: _Array, *, features: bool, n_threads: int | None, progress: _Progress) -> _Arrays: ...
    # Mean squared errors, epochs × trials in a row.
    def learn(
        self,
        mossy: _Array,
        targets: _Array | None,
        errors: _Array | None,
        *,
        online: bool,
        n_epochs: int,
        n_threads: int | None,
        progress: _Progress,
    ) -> list[float]: ...
    def step(self, mossy: _Array) -> _Array: ...
    def teach(self, errors: _Array) -> None: ...
    def reset(self) -> None: ...

# coupling: mossy: list of "activity", "inputs", "outputs"; delay_to, delay_back: int; gain: float; mapping: array
# (nuclei, outputs); horizon: int | None. learning: "off", "online" or "batched". The answer has "states", "outputs",
# "inputs", "mossy", "nuclei", "purkinje" and "errors" (of width 0 without targets).
def run_coupled(
    network: Network,
    cerebellum: Cerebellum,
    coupling: Mapping[str, Any],
    inputs: _Array,
    targets: _Array | None,
    *,
    off: NDArray[np.bool_],
    learning: str,
    seed: int,
    n_threads: int | None,
    progress: _Progress,
) -> _Arrays: ...
def random_wiring(n_mossy: int, n_granule: int, n_inputs: int, *, seed: int) -> NDArray[np.uint32]: ...
def local_wiring(mossy: _Double, granule: _Double, n_inputs: int, *, length: float) -> NDArray[np.uint32]: ...

# masks: 1 where a connection exists, by name, for some of the weights. lesion: a flag for each step, or none at all.
@final
class CerebellarBias:
    def __new__(
        cls,
        parameters: Mapping[str, NDArray[Any]],
        masks: Mapping[str, NDArray[Any]],
        *,
        tau: float,
        leak: float,
        bound: float,
        single: bool,
    ) -> CerebellarBias: ...
    def parameters(self) -> dict[str, NDArray[Any]]: ...
    def run(
        self, inputs: NDArray[Any], *, lesion: Sequence[bool], n_threads: int | None
    ) -> dict[str, NDArray[Any]]: ...
    def gradient(
        self,
        inputs: NDArray[Any],
        targets: NDArray[Any],
        weights: NDArray[Any],
        *,
        loss: str,
        lesion: Sequence[bool],
        n_threads: int | None,
    ) -> tuple[float, dict[str, NDArray[Any]]]: ...
    def train(
        self,
        inputs: NDArray[Any],
        targets: NDArray[Any],
        weights: NDArray[Any],
        *,
        loss: str,
        lesion: Sequence[bool],
        batch_size: int,
        learning_rate: float,
        clip: float,
        learns: Sequence[bool],
        n_threads: int | None,
        progress: _Progress,
    ) -> tuple[list[float], BaseException | None]: ...

@final
class GranuleLayer:
    def __new__(
        cls,
        sources: NDArray[np.uint32],
        weights: _Real,
        thresholds: _Real,
        *,
        n_mossy: int,
        activation: str,
        golgi: tuple[str, str, float] | None,
        basis: tuple[str, Sequence[float]] | None,
    ) -> GranuleLayer: ...
    @property
    def n_features(self) -> int: ...
    def features(self, mossy: _Real, n_threads: int | None) -> NDArray[Any]: ...
    def inhibition(self, mossy: _Real, n_threads: int | None) -> NDArray[Any]: ...
    def calibrate(
        self, mossy: _Real, coding_level: float, per_cell: bool, n_threads: int | None
    ) -> tuple[NDArray[Any], bool]: ...

# The adaptive filter. Features (trials, steps, features) and weights (outputs, features) of one precision; taps: pairs
# of lag and gain. Outputs (trials, steps, outputs), and the weights afterwards.
def run_adaptive_filter(
    features: _Array,
    weights: _Array,
    taps: Sequence[tuple[int, float]],
    *,
    teaching: _Array | None,
    are_errors: bool,
    learning_rate: float,
    online: bool,
) -> tuple[_Array, _Array]: ...

# Counterfactual predictive control. A (n, n), B (n,), C (n,), D; the model of a loop is its plant, its controller and
# its delay in steps; the body of a pendulum is its mass, its height and dt.
_Matrices = tuple[_Double, _Double, _Double, float]
_Loop = tuple[_Matrices, _Matrices, int]

GRAVITY: Final[float]

def closed_loop_responses(model: _Loop, signals: _Double, *, at_command: bool) -> tuple[_Double, _Double]: ...
def counterfactual_traces(features: _Double, *, model: _Loop | None, trace_delay: int) -> _Double: ...
def learn_counterfactual(
    plant: _Matrices | tuple[float, float, float],
    controller: _Matrices,
    delay: int,
    *,
    reference: _Double,
    load: _Double,
    features: _Double,
    weights: _Double,
    model: _Loop | None,
    trace_delay: int,
    feedback_error: bool,
    online: bool,
    learning_rate: float,
    noise: float,
    seed: int,
    n_trials: int,
    progress: _Progress,
) -> tuple[dict[str, Any], BaseException | None]: ...

# n_units, gain, target_gain, feedback_sd, dt / tau, n_steps, n_discarded, n_repeats
_FeedbackNumbers = tuple[int, float, float, float, float, int, int, int]

def low_dimensional_feedback_parts(numbers: _FeedbackNumbers, seed: int) -> dict[str, Any]: ...
def run_low_dimensional_feedback(
    numbers: _FeedbackNumbers,
    seeds: Sequence[int],
    ratios: Sequence[float],
    *,
    double: bool,
    n_threads: int | None,
    progress: _Progress,
) -> tuple[dict[str, Any], BaseException | None]: ...

# Bodies that move a hand in a plane. Pairs are (shoulder, elbow). bones: masses, lengths, centres, inertias. muscles:
# maximal forces (6), rest lengths (6), linear and quadratic moment arms (6, 2), times of activation and deactivation,
# least activation. drive: "controls" (trials, steps, controls), "loads" (trials, steps, 2) or None, "fields" (1 or
# trials, 10) float64: viscosity, stiffness, origin; "dt", "method": "semi_implicit_euler" | "rk4", "n_substeps",
# "n_threads". Other arrays have one row for each moment.
_Pair = tuple[float, float]
_Pairs = Sequence[_Pair]
_Muscles = tuple[Sequence[float], Sequence[float], _Pairs, _Pairs, float, float, float]

@final
class Body:
    @staticmethod
    def point_mass(mass: float, damping: float) -> Body: ...
    @staticmethod
    def arm_of(bones: Sequence[_Pair], damping: float, limits: _Pairs | None) -> Body: ...
    def with_muscles(self, numbers: _Muscles) -> Body: ...
    def run(self, state: _Array, drive: Mapping[str, Any]) -> _Array: ...
    # By controls, by loads, by the first state.
    def pull_back(
        self, states: _Array, d_states: _Array, drive: Mapping[str, Any]
    ) -> tuple[_Array, _Array, _Array]: ...
    def hand(self, state: _Array) -> _Array: ...
    def pull_hand_back(self, state: _Array, d_hand: _Array) -> _Array: ...
    def energy(self, state: _Array) -> _Array: ...
    def acceleration(self, state: _Array, control: _Array, load: _Array) -> _Array: ...
    def inverse_dynamics(self, state: _Array, acceleration: _Array, load: _Array) -> _Array: ...
    def joints(self, hand: _Array) -> _Array: ...
    def muscle_geometry(self, angles: _Array) -> tuple[_Array, _Array]: ...

# Position, velocity, effort, activity: the parts of a loss.
_Terms = tuple[float, float, float, float]

@final
class ControlLoop:
    # settings: dt: float; method: str; n_substeps: int; vision, proprioception: (delay, noise, gain, offset) | None;
    # control_scale: float, or None for excitations; radius: float | None; effort, effort_change, activity,
    # activity_change: float.
    # trials, all float64 but the task, which has the network's precision: state (B, states), task (B, T, K), targets
    # (B, T, 2), position_weights and velocity_weights (B, T), fields (1 or B, 10), cursors (1 or B, 6), loads
    # (B, T, 2) | None; seed: int | None, of the noise.
    def __new__(cls, body: Body, settings: Mapping[str, Any]) -> ControlLoop: ...
    # "states" (B, T + 1, states), "controls" (B, T, controls), "activity" (B, T, N), "inputs" (B, T, I), "terms".
    def run(self, network: Network, trials: Mapping[str, Any], n_threads: int | None) -> dict[str, Any]: ...
    def gradient(
        self, network: Network, trials: Mapping[str, Any], n_threads: int | None
    ) -> tuple[_Terms, _Arrays]: ...
    # The parts of the loss before the update, and the length of the gradient before clipping.
    def train_step(
        self, network: Network, optimizer: Optimizer, trials: Mapping[str, Any], n_threads: int | None
    ) -> tuple[_Terms, float]: ...
