"""From the arguments of a network to what the core is told: sizes, numbers without time constants, masks, signs.

All checks of the arguments are here, in `areas` and in `dale`; what they need of one another is checked before anything
is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.areas import Areas, as_steps, densities_of, draw_connections, recurrent_delays
from fastigial.rnn.cells import ACTIVATIONS, CELLS, LEAKS, Cell, cell_of
from fastigial.rnn.checks import as_flag, as_positive, as_precision, one_of
from fastigial.rnn.dale import readout_from_excitatory, signs_of
from fastigial.rnn.seeds import as_seed, stream
from fastigial.rnn.time_constants import alpha_of, spiking_numbers
from fastigial.tensor.checks import as_count, as_number

__all__ = ["Structure", "structure_of"]

Masks = dict[str, NDArray[np.bool_]]

# Streams of the seed from this number on draw connections; those below draw parameters.
_CONNECTIONS = 100


@dataclass(frozen=True, eq=False)
class Structure:
    """All of a network but its parameters. Masks and trainable hold only arrays with a False somewhere."""

    n_inputs: int
    n_units: int
    n_outputs: int
    cell: str
    activation: str
    leak: str
    dt: float
    bias: bool
    rank: int | None
    noise: float
    input_noise: float
    feedback: bool
    dtype: np.dtype[Any]
    areas: Areas
    alpha: NDArray[np.float64] | None = None
    spiking: dict[str, float] = field(default_factory=dict)
    signs: NDArray[np.int8] | None = None
    delays: dict[str, Any] = field(default_factory=dict)
    starts: tuple[str, ...] = ()
    trains_start: bool = False
    trains_alpha: bool = False
    masks: Masks = field(default_factory=dict)
    trainable: Masks = field(default_factory=dict)

    @property
    def kind(self) -> Cell:
        """What the units are made of."""
        return cell_of(self.cell, self.leak)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter that the network has, by name."""
        n, rows = self.n_units, self.kind.n_gates * self.n_units
        shapes: dict[str, tuple[int, ...]] = {}
        if self.rank is None:
            shapes["W"] = (rows, n)
        else:
            shapes |= {"U": (rows, self.rank), "V": (n, self.rank)}
        shapes["W_in"] = (rows, self.n_inputs)
        if self.feedback:
            shapes["W_fb"] = (rows, self.n_outputs)
        if self.bias:
            shapes["b"] = (rows,)
            if self.cell == "gru":
                shapes["b_n"] = (n,)
        shapes["W_out"] = (self.n_outputs, n)
        if self.bias:
            shapes["b_out"] = (self.n_outputs,)
        shapes |= dict.fromkeys(self.starts, (n,))
        if self.trains_alpha:
            shapes["alpha"] = (n,)
        return shapes

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the parameters that a user sees: an initial state that was given and is fixed is none."""
        return tuple(name for name in self.shapes if self.trains_start or name not in self.starts)

    def as_core(self) -> dict[str, Any]:
        """The dictionary that `_core.Network` takes; None stands for what the cell does not have."""
        return {
            "n_inputs": self.n_inputs,
            "n_units": self.n_units,
            "n_outputs": self.n_outputs,
            "cell": self.cell,
            "activation": self.activation,
            "leak": self.leak,
            "alpha": self.alpha,
            **{name: self.spiking.get(name) for name in ("threshold", "gamma", "beta", "kappa", "rho_a", "beta_a")},
            "noise": self.noise,
            "input_noise": self.input_noise,
            "feedback": self.feedback,
            "recurrent_delays": self.delays.get("recurrent"),
            "input_delay": self.delays.get("input", 0),
            "feedback_delay": self.delays.get("feedback", 0),
            "masks": self.masks,
            "trainable": self.trainable,
            "signs": self.signs,
        }


def structure_of(arguments: Mapping[str, Any]) -> Structure:
    """Check the arguments of `fastigial.RNN` and draw which connections exist.

    Parameters
    ----------
    arguments : mapping
        Every argument of `RNN`, by name.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, what it got and what was expected.
    """
    sizes = {name: as_count(name, arguments[name]) for name in ("n_inputs", "n_units", "n_outputs")}
    for name, size in sizes.items():
        if size == 0:
            raise ValueError(f"{name} is 0, expected at least 1")
    n = sizes["n_units"]
    cell = one_of("cell", arguments["cell"], tuple(CELLS))
    activation = one_of("activation", arguments["activation"], ACTIVATIONS)
    leak = one_of("leak", arguments["leak"], LEAKS)
    rank = None if arguments["rank"] is None else as_count("rank", arguments["rank"])
    if rank is not None and not 1 <= rank <= n:
        raise ValueError(f"rank is {rank}, expected 1 to n_units = {n}")
    areas = Areas.of(arguments["areas"], n)
    signs = signs_of(arguments["dale"], areas)
    _check_together(arguments, cell, rank)
    dt = as_positive("dt", arguments["dt"])
    trains_start = as_flag("trainable_initial_state", arguments["trainable_initial_state"])
    bare = Structure(
        n_inputs=sizes["n_inputs"],
        n_units=n,
        n_outputs=sizes["n_outputs"],
        cell=cell,
        activation=activation,
        leak=leak,
        dt=dt,
        bias=as_flag("bias", arguments["bias"]),
        rank=rank,
        noise=as_positive("noise", arguments["noise"], zero=True),
        input_noise=as_positive("input_noise", arguments["input_noise"], zero=True),
        feedback=as_flag("feedback", arguments["feedback"]),
        dtype=as_precision(arguments["dtype"]),
        areas=areas,
        alpha=alpha_of(arguments["tau"], dt, areas) if cell == "rate" else None,
        spiking=spiking_numbers(arguments, dt) if CELLS[cell].spiking else {},
        signs=signs,
        delays=_delays(arguments, areas, rank),
        starts=CELLS[cell].starts if trains_start or arguments["initial_state"] is not None else (),
        trains_start=trains_start,
        trains_alpha=as_flag("trainable_tau", arguments["trainable_tau"]),
    )
    masks = _drawn(bare, arguments)
    given = _arrays("masks", arguments["masks"], bare)
    masks |= {name: masks[name] & mask if name in masks else mask for name, mask in given.items()}
    trainable = _arrays("trainable", arguments["trainable"], bare)
    if not trains_start:
        trainable |= {name: np.zeros(n, dtype=np.bool_) for name in bare.starts}
    kept = {"masks": masks, "trainable": trainable}
    return Structure(**{**vars(bare), **{key: _holes(arrays) for key, arrays in kept.items()}})


def _check_together(arguments: Mapping[str, Any], cell: str, rank: int | None) -> None:
    """Arguments that only some networks have."""
    defaults = {"activation": "tanh", "leak": "rate", "trainable_tau": False}
    for name, default in defaults.items():
        if cell != "rate" and arguments[name] != default:
            raise ValueError(f'{name} is {arguments[name]!r}, but only cell="rate" has it; the cell is {cell!r}')
    if rank is not None:
        for name in ("dale", "connections"):
            if arguments[name] is not None:
                raise ValueError(f"{name} was given with rank={rank}: products of two factors have no single weights")
        if arguments["density"] != 1.0:
            raise ValueError(
                f"density is {arguments['density']!r} with rank={rank}, expected 1: no single weight can be absent"
            )


def _delays(arguments: Mapping[str, Any], areas: Areas, rank: int | None) -> dict[str, Any]:
    delays = {} if arguments["delays"] is None else arguments["delays"]
    if not isinstance(delays, Mapping):
        raise TypeError(f'delays is {delays!r}, expected {{"recurrent": …, "input": …, "feedback": …}}')
    unknown = set(delays) - {"recurrent", "input", "feedback"}
    if unknown:
        raise ValueError(
            f'delays has the pathway {min(map(str, unknown))!r}, expected "recurrent", "input", "feedback"'
        )
    recurrent = delays.get("recurrent")
    found: dict[str, Any] = {"recurrent": recurrent_delays(recurrent, areas)}
    if rank is not None and (isinstance(recurrent, Mapping) or np.asarray(recurrent).ndim > 0):
        raise ValueError(f"delays of single connections were given with rank={rank}, expected one for all")
    for pathway in ("input", "feedback"):
        found[pathway] = as_steps(f"delays[{pathway!r}]", delays.get(pathway, 0))
    if found["feedback"] and not arguments["feedback"]:
        raise ValueError("delays has a feedback delay, but the network has no output feedback: feedback=True adds it")
    return found


def _drawn(structure: Structure, arguments: Mapping[str, Any]) -> Masks:
    """Which connections exist by density, areas and Dale's law."""
    density = as_number("density", arguments["density"])
    shares = densities_of(structure.areas, arguments["connections"], density)
    seed = as_seed("seed", arguments["seed"])
    units, n_gates = structure.areas.slices, structure.kind.n_gates
    outside = {"W_in": structure.n_inputs, "W_fb": structure.n_outputs}
    masks: Masks = {}
    if structure.rank is None:
        masks["W"] = draw_connections(units, units, shares.recurrent, stream(seed, _CONNECTIONS))
    for place, (name, size) in enumerate(outside.items()):
        share = shares.input if name == "W_in" else shares.feedback
        if name in structure.shapes:
            rng = stream(seed, _CONNECTIONS + 1 + place)
            masks[name] = draw_connections(units, {"": slice(0, size)}, share[:, None], rng)
    masks = {name: np.tile(mask, (n_gates, 1)) for name, mask in masks.items()}
    rng = stream(seed, _CONNECTIONS + 3)
    masks["W_out"] = draw_connections({"": slice(0, structure.n_outputs)}, units, shares.output[None, :], rng)
    if structure.signs is not None and readout_from_excitatory(arguments["dale"]):
        masks["W_out"] &= structure.signs > 0
    return masks


def _arrays(argument: str, given: Any, structure: Structure) -> Masks:
    """``masks`` or ``trainable``: booleans by parameter, for whole parameters, one gate's block, or entries."""
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise TypeError(f"{argument} is {given!r}, expected names of parameters with booleans")
    found: Masks = {}
    for name, value in given.items():
        if name not in structure.shapes:
            raise ValueError(f"{argument} names {name!r}; the parameters are {', '.join(structure.shapes)}")
        shape, flags = structure.shapes[name], np.asarray(value)
        if flags.dtype != np.bool_:
            raise TypeError(f"{argument}[{name!r}] is of dtype {flags.dtype}, expected booleans")
        block = (shape[0] // structure.kind.n_gates, *shape[1:])
        if flags.ndim and flags.shape == block and name in ("W", "U", "W_in", "W_fb", "b"):
            flags = np.concatenate([flags] * structure.kind.n_gates)
        if flags.shape not in ((), shape):
            raise ValueError(f"{argument}[{name!r}] has the shape {flags.shape}, expected {shape}")
        found[name] = np.broadcast_to(flags, shape).copy()
    return found


def _holes(arrays: Masks) -> Masks:
    return {name: array for name, array in arrays.items() if not array.all()}
