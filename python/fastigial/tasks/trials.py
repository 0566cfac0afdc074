"""A batch of trials: what a network is shown, what it should answer, and when the answer counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from fastigial.tasks.intake import (
    as_arrays_per_trial,
    as_events,
    as_inputs,
    as_mask,
    as_names,
    as_targets,
    in_seconds,
    trial_index,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    Selection = SupportsIndex | slice | Sequence[int] | Sequence[bool] | NDArray[Any]

__all__ = ["Trials"]


@dataclass(frozen=True, eq=False, repr=False)
class Trials:
    """Inputs, targets and what is known of each trial. Step t covers the time from ``t · dt`` to ``(t + 1) · dt``.

    Classes are targets too: a row of `targets` then holds the probability of each class (one-hot where it is
    certain, see :func:`~fastigial.tasks.one_hot`), so that every loss reads the same array.

    Parameters
    ----------
    inputs : array_like, shape (n_trials, n_steps, n_inputs)
        Finite. float32 and float64 are kept, integers and booleans become float64.
    targets : array_like, shape (n_trials, n_steps, n_outputs)
        NaN: not observed, does not count.
    mask : array_like, shape (n_trials, n_steps) or (n_trials, n_steps, n_outputs), optional
        True, or a weight above 0, where a target counts in the loss. Default: everywhere.
    info : mapping of str to array_like, shape (n_trials, …)
        What each trial was: condition, interval, choice, … By convention ``info["label"]``, (n_trials, n_steps)
        integers, is the class at each step of a task with classes, -1 where none counts.
    dt : float
        Duration of a step, in seconds.
    input_names, output_names : sequence of str, optional
        One name per channel. Default: "input 0", "input 1", …
    events : mapping of str to array_like, shape (n_trials,)
        When things happened, in seconds from the start of the trial; NaN where they did not.
    name : str
        What the trials are of, for figures.

    Raises
    ------
    TypeError
        If an array does not hold numbers of the right kind.
    ValueError
        If shapes do not agree, inputs are not finite, a weight is negative, or `dt` is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> trials = fg.Trials(np.zeros((4, 50, 2)), np.ones((4, 50, 1)), info={"side": ["left", "right"] * 2}, dt=0.02)
    >>> trials
    <Trials: 4 trials x 50 steps of 20 ms, 2 inputs, 1 output, float64, 100% counted, info: side>
    >>> trials[trials.info["side"] == "left"].n_trials
    2
    """

    inputs: NDArray[np.floating[Any]]
    targets: NDArray[np.floating[Any]]
    mask: NDArray[Any] = None  # type: ignore[assignment]
    info: dict[str, NDArray[Any]] = field(default_factory=dict)
    dt: float = 0.01
    input_names: tuple[str, ...] = None  # type: ignore[assignment]
    output_names: tuple[str, ...] = None  # type: ignore[assignment]
    events: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    name: str = "Trials"

    def __post_init__(self) -> None:
        inputs = as_inputs(self.inputs)
        targets = as_targets(self.targets, inputs.shape)
        checked = {
            "inputs": inputs,
            "targets": targets,
            "mask": as_mask(self.mask, targets.shape),
            "info": as_arrays_per_trial(self.info, len(inputs)),
            "dt": in_seconds(self.dt),
            "input_names": as_names(self.input_names, inputs.shape[2], "input"),
            "output_names": as_names(self.output_names, targets.shape[2], "output"),
            "events": as_events(self.events, len(inputs)),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return int(self.inputs.shape[0])

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return int(self.inputs.shape[1])

    @property
    def n_inputs(self) -> int:
        """Number of input channels."""
        return int(self.inputs.shape[2])

    @property
    def n_outputs(self) -> int:
        """Number of output channels."""
        return int(self.targets.shape[2])

    @property
    def time(self) -> NDArray[np.float64]:
        """When each step begins, in seconds from the start of the trial, (n_steps,)."""
        return np.arange(self.n_steps, dtype=np.float64) * float(self.dt)

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """Type of the inputs."""
        return self.inputs.dtype

    @property
    def weights(self) -> NDArray[np.floating[Any]]:
        """How much each target counts, (n_trials, n_steps, n_outputs): the mask, and 0 where a target is NaN."""
        mask = self.mask if self.mask.ndim == 3 else self.mask[:, :, None]
        weights: NDArray[np.floating[Any]] = np.where(np.isnan(self.targets), 0, mask).astype(self.targets.dtype)
        return weights

    def __len__(self) -> int:
        return self.n_trials

    def __getitem__(self, index: Selection) -> Trials:
        """Select trials: a position (one trial, still as Trials), a slice, positions, or one boolean per trial."""
        chosen = trial_index(index, self.n_trials)
        return replace(
            self,
            inputs=self.inputs[chosen],
            targets=self.targets[chosen],
            mask=self.mask[chosen],
            info={name: values[chosen] for name, values in self.info.items()},
            events={name: values[chosen] for name, values in self.events.items()},
        )

    def __repr__(self) -> str:
        parts = [
            f"{_counted(self.n_trials, 'trial')} x {_counted(self.n_steps, 'step')} of {1e3 * self.dt:g} ms",
            _counted(self.n_inputs, "input"),
            _counted(self.n_outputs, "output"),
            str(self.dtype),
        ]
        if self.targets.size:
            parts.append(f"{100 * np.mean(self.weights > 0):.3g}% counted")
        if self.info:
            parts.append(f"info: {', '.join(self.info)}")
        if self.events:
            parts.append(f"events: {', '.join(self.events)}")
        kind = "Trials" if self.name == "Trials" else f"Trials of {self.name}"
        return f"<{kind}: {', '.join(parts)}>"

    def astype(self, dtype: str | np.dtype[Any]) -> Trials:
        """Return the trials with inputs and targets as float32 or float64; themselves if they are that already.

        Raises
        ------
        ValueError
            If `dtype` is neither.
        """
        wanted = np.dtype(dtype)
        if wanted not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise ValueError(f"dtype must be float32 or float64, got {wanted}")
        if self.inputs.dtype == self.targets.dtype == wanted:
            return self
        return replace(self, inputs=self.inputs.astype(wanted), targets=self.targets.astype(wanted))

    @staticmethod
    def concatenate(parts: Sequence[Trials]) -> Trials:
        """Put batches of trials of one task one after the other.

        Parameters
        ----------
        parts : sequence of Trials
            With the same steps, channels, dt, and names of information and events.

        Returns
        -------
        Trials

        Raises
        ------
        ValueError
            If there are none, or they differ in one of these.

        Examples
        --------
        >>> import fastigial as fg
        >>> task = fg.tasks.Sine()
        >>> fg.Trials.concatenate([task.sample(3, seed=0), task.sample(2, seed=1)]).n_trials
        5
        """
        parts = list(parts)
        if not parts:
            raise ValueError("parts must hold at least one Trials, got none")
        wrong = [part for part in parts if not isinstance(part, Trials)]
        if wrong:
            raise TypeError(f"parts must be Trials, got {type(wrong[0]).__name__}")
        first = parts[0]
        for part in parts[1:]:
            for name, mine, theirs in (
                ("n_steps", first.n_steps, part.n_steps),
                ("dt", first.dt, part.dt),
                ("input_names", first.input_names, part.input_names),
                ("output_names", first.output_names, part.output_names),
                ("info", sorted(first.info), sorted(part.info)),
                ("events", sorted(first.events), sorted(part.events)),
            ):
                if mine != theirs:
                    raise ValueError(f"parts must have the same {name}, got {mine} and {theirs}")
        masks = [part.mask for part in parts]
        if len({mask.ndim for mask in masks}) > 1:
            masks = [
                np.broadcast_to(mask if mask.ndim == 3 else mask[:, :, None], part.targets.shape)
                for mask, part in zip(masks, parts, strict=True)
            ]
        return replace(
            first,
            inputs=np.concatenate([part.inputs for part in parts]),
            targets=np.concatenate([part.targets for part in parts]),
            mask=np.concatenate(masks),
            info={name: np.concatenate([part.info[name] for part in parts]) for name in first.info},
            events={name: np.concatenate([part.events[name] for part in parts]) for name in first.events},
        )

    def to_xarray(self) -> xr.Dataset:
        """Return inputs, targets, mask, information and events as an ``xarray.Dataset`` with labelled axes.

        Returns
        -------
        xarray.Dataset
            Dimensions trial, time (in seconds), input and output. What is known of each trial are coordinates
            of the trials; events are called ``"event_…"``.

        Raises
        ------
        ImportError
            If xarray is not installed.

        Examples
        --------
        >>> import fastigial as fg
        >>> dataset = fg.tasks.FlipFlop(n_bits=2).sample(3, seed=0).to_xarray()
        >>> dataset.targets.sel(output="bit 1").dims
        ('trial', 'time')
        """
        import xarray as xr

        variables: dict[str, Any] = {
            "inputs": (("trial", "time", "input"), self.inputs),
            "targets": (("trial", "time", "output"), self.targets),
            "mask": (("trial", "time", "output")[: self.mask.ndim], self.mask),
        }
        coords: dict[str, Any] = {
            "time": ("time", self.time, {"units": "s"}),
            "input": list(self.input_names),
            "output": list(self.output_names),
        }
        for name, values in self.info.items():
            dims = ["trial"]
            if values.ndim == 2 and values.shape[1] == self.n_steps:
                dims.append("time")
            else:
                dims += [f"{name}_{axis}" for axis in range(1, values.ndim)]
            coords[f"info_{name}" if name in (*variables, *coords, "trial") else name] = (dims, values)
        for name, values in self.events.items():
            coords[f"event_{name}"] = ("trial", values, {"units": "s"})
        return xr.Dataset(variables, coords=coords, attrs={"name": self.name, "dt": self.dt})

    def plot(self, n: int = 3, **options: Any) -> Figure:
        """Draw inputs, targets and what counts, for the first `n` trials: see :func:`fastigial.plot.trials`."""
        from fastigial import plot

        return plot.trials(self, n, **options)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
