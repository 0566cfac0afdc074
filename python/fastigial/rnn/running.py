"""From what a user hands to a network to one call of the core, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.rnn.cells import core_names
from fastigial.rnn.checks import as_real
from fastigial.rnn.losses import prepare
from fastigial.rnn.parameters import states_by_name
from fastigial.rnn.perturbations import injected, lesions, silenced
from fastigial.rnn.regularization import as_regularization
from fastigial.rnn.rules.base import Rule
from fastigial.rnn.seeds import as_seed
from fastigial.rnn.structure import Structure
from fastigial.rnn.trajectory import Trajectory
from fastigial.tensor.checks import as_threads
from fastigial.tensor.progress import Callback, Report

if TYPE_CHECKING:
    from fastigial.rnn.base import Network
    from fastigial.rnn.network import RNN

__all__ = ["as_inputs", "as_points", "check_dt", "gradient", "run", "unpacked"]

Arrays = dict[str, NDArray[Any]]


def run(
    net: Network,
    inputs: Any,
    *,
    targets: ArrayLike | None,
    mask: ArrayLike | None,
    loss: Any,
    initial_state: ArrayLike | Mapping[str, ArrayLike] | None,
    seed: int,
    noise: bool,
    inject: Any,
    silence: Any,
    lesion: Any,
    n_threads: int | None,
    progress: bool | Callback,
) -> Trajectory:
    """`RNN.run`."""
    structure = net._structure
    info = getattr(inputs, "info", None) or {}
    check_dt(structure, getattr(inputs, "dt", None))
    inputs, targets, mask = unpacked(inputs, targets, mask)
    x = as_inputs(structure, inputs)
    n_trials, n_steps = x.shape[:2]
    names = core_names(structure.cell, structure.leak)
    recorded = [name for name in names.values() if name != "h"]
    prepared = None
    if targets is not None:
        if loss is None:
            # Whole numbers for each step are classes; for each output, amounts.
            classes = np.ndim(targets) == 2 and np.asarray(targets).dtype.kind in "iu"
            loss = "cross_entropy" if classes else "mse"
        prepared = prepare(loss, targets, mask, (n_trials, n_steps, structure.n_outputs), structure.dtype)
    with Report(progress, "run", "step") as report:
        found = net._core.run(
            x,
            initial_state=as_states(structure, initial_state, n_trials),
            seed=as_seed("seed", seed) if noise else None,
            injected=injected(inject, structure.areas, structure.dt, n_steps, structure.dtype),
            silenced=silenced(silence, structure.areas, structure.dt, n_steps),
            lesions=lesions(lesion, structure.dt, n_steps, feedback=structure.feedback),
            record=recorded,
            n_threads=as_threads(n_threads),
            progress=report.callback,
        )
    return Trajectory(
        found["states"],
        found["outputs"],
        x,
        dt=structure.dt,
        internal={name: found[name] for name in recorded},
        final={letter: found["final"][name] for letter, name in names.items()},
        state_names=tuple((letter, "states" if name == "h" else name) for letter, name in names.items()),
        losses=None if prepared is None else prepared.per_step(found["outputs"]),
        targets=None if prepared is None else prepared.targets,
        area=structure.areas.labels,
        info={name: np.asarray(values) for name, values in info.items()},
    )


def gradient(
    net: RNN,
    inputs: Any,
    targets: ArrayLike | None,
    *,
    mask: ArrayLike | None,
    rule: Rule,
    loss: Any,
    seed: int | None,
    initial_state: ArrayLike | Mapping[str, ArrayLike] | None,
    regularization: Mapping[str, Any] | None,
    n_threads: int | None,
) -> tuple[float, Arrays]:
    """`RNN.gradient`."""
    if not isinstance(rule, Rule):
        raise TypeError(f"rule is {rule!r}, expected one of fastigial.rules")
    structure = net._structure
    inputs, targets, mask = unpacked(inputs, targets, mask)
    x = as_inputs(structure, inputs)
    prepared = prepare(loss, targets, mask, (*x.shape[:2], structure.n_outputs), structure.dtype)
    value, found = net._core.gradient(
        x,
        prepared.for_core(),
        rule.of(net),
        seed=None if seed is None else as_seed("seed", seed),
        initial_state=as_states(structure, initial_state, len(x)),
        regularization=as_regularization(regularization, structure.dt, spiking=structure.kind.spiking),
        n_threads=as_threads(n_threads),
    )
    return value, {name: found[name] for name in structure.shown}


def unpacked(inputs: Any, targets: Any, mask: Any) -> tuple[Any, Any, Any]:
    """Inputs, targets and mask, where they come as one object with these names."""
    if not (hasattr(inputs, "inputs") and hasattr(inputs, "targets")):
        return inputs, targets, mask
    return (
        inputs.inputs,
        inputs.targets if targets is None else targets,
        getattr(inputs, "mask", None) if mask is None else mask,
    )


def check_dt(structure: Structure, dt: Any) -> None:
    """Refuse trials whose steps are not the network's."""
    if isinstance(dt, int | float) and not np.isclose(dt, structure.dt, rtol=1e-6, atol=0.0):
        raise ValueError(f"dt of the trials is {dt:g} s, expected the network's, {structure.dt:g} s")


def as_inputs(structure: Structure, inputs: Any) -> NDArray[Any]:
    """Inputs in the network's precision, (B, T, I), finite."""
    if inputs is None:
        raise TypeError("inputs are None, expected an array (trials, time, inputs)")
    if {"trial", "time"} < set(getattr(inputs, "dims", ())):
        inputs = inputs.transpose("trial", "time", ...)
    shape = np.shape(inputs)
    if len(shape) != 3 or shape[2] != structure.n_inputs:
        single = "; one trial is inputs[None]" if len(shape) == 2 else ""
        expected = f"(trials, time, inputs) with {structure.n_inputs} inputs"
        raise ValueError(f"inputs have the shape {shape}, expected {expected}{single}")
    if 0 in shape[:2]:
        raise ValueError(f"inputs have the shape {shape}, expected at least one trial and one step")
    return as_real("inputs", inputs, structure.dtype)


def as_states(structure: Structure, initial_state: Any, n_trials: int) -> Arrays | None:
    """An initial state as the core takes it: by its names of the variables, (N,) or (B, N)."""
    found: Arrays = {}
    names = core_names(structure.cell, structure.leak)
    for name, value in states_by_name(structure, initial_state).items():
        array = as_real(f"initial_state[{name!r}]", value, structure.dtype)
        shapes = ((structure.n_units,), (n_trials, structure.n_units))
        if array.shape not in shapes:
            raise ValueError(
                f"initial_state[{name!r}] has the shape {array.shape}, expected {shapes[0]} or {shapes[1]}"
            )
        found[names[name]] = array
    return found or None


def as_points(net: Network, states: Any, inputs: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """States (M, S) and inputs (M, I) in the network's precision; one input may serve all."""
    structure = net._structure
    size = structure.n_units * len(structure.kind.state)
    points = as_real("states", states, structure.dtype)
    if points.ndim != 2 or points.shape[1] != size:
        raise ValueError(f"states have the shape {points.shape}, expected (M, {size})")
    x = as_real("inputs", inputs, structure.dtype)
    expected = (len(points), structure.n_inputs)
    if x.shape not in (expected, expected[1:]):
        raise ValueError(f"inputs have the shape {x.shape}, expected {expected} or {expected[1:]}")
    return points, np.ascontiguousarray(np.broadcast_to(x, expected))
