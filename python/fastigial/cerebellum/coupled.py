"""A recurrent network and a cerebellar module in a loop, with conduction delays both ways.

::

    ξ_t = [r_{t−1−a}; x_t; y_{t−1−a}], as far as asked for        mossy fibres
    c_t = nuclei of ξ_t, 0 where the cerebellum is off
    r_t, y_t = step of the network with the input [x_t; γ c_{t−b}]

    error of the output    e_t = M (y*_t − y_t)
    prediction             e_t = M y*_t − c_{t−h},  and traces begin h later

    symbol   name           meaning
    a, b     delay_to, delay_back
    γ        gain
    M        mapping        (n_nuclei, n_outputs)
    y*       targets        NaN where nothing was observed
    h        horizon
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.cerebellum.coupled_trajectory import CoupledTrajectory
from fastigial.cerebellum.eligibility import as_steps
from fastigial.cerebellum.module import Cerebellum
from fastigial.observed import observed_mean
from fastigial.rnn import RNN
from fastigial.rnn.base import Network
from fastigial.rnn.checks import as_real, one_of
from fastigial.rnn.running import check_dt, unpacked
from fastigial.rnn.seeds import as_seed
from fastigial.tensor.checks import as_number, as_threads
from fastigial.tensor.progress import Callback, Report

__all__ = ["CoupledNetwork", "couple"]

Array = NDArray[Any]
Sent = tuple[str, ...]

_SENT = ("activity", "inputs", "outputs")


class CoupledNetwork:
    """A network and a cerebellar module in a loop; made by `couple`."""

    def __init__(
        self,
        net: RNN,
        cerebellum: Cerebellum,
        *,
        delay_to: float = 0.0,
        delay_back: float = 0.0,
        gain: float = 1.0,
        mossy: str | Sent = ("activity", "inputs"),
        mapping: str | ArrayLike | None = None,
        horizon: float | None = None,
    ) -> None:
        if not isinstance(net, Network):
            raise TypeError(f"net is {type(net).__name__}, expected a fastigial.RNN")
        if not isinstance(cerebellum, Cerebellum):
            raise TypeError(f"cerebellum is {type(cerebellum).__name__}, expected a fastigial.cerebellum.Cerebellum")
        if not np.isclose(cerebellum.dt, net.dt, rtol=1e-6, atol=0.0):
            raise ValueError(f"dt of the cerebellum is {cerebellum.dt:g} s, expected the network's, {net.dt:g} s")
        if net._structure.dtype != cerebellum.dtype:
            raise ValueError(f"dtype of the cerebellum is {cerebellum.dtype}, expected the network's")
        self.net, self.cerebellum = net, cerebellum
        self.delay_to, self.delay_back, self.horizon = delay_to, delay_back, horizon
        self.gain = as_number("gain", gain)
        names = (mossy,) if isinstance(mossy, str) else tuple(mossy)
        if not names or len(set(names)) < len(names):
            raise ValueError(f"mossy is {mossy!r}, expected some of {_SENT}, each once")
        self.mossy = tuple(one_of("mossy", name, _SENT) for name in names)
        self.n_inputs = net.n_inputs - cerebellum.n_outputs
        if self.n_inputs < 0:
            expected = f"at least {cerebellum.n_outputs}, one for each nucleus"
            raise ValueError(f"n_inputs of the network is {net.n_inputs}, expected {expected}")
        sizes = {"activity": net.n_units, "inputs": self.n_inputs, "outputs": net.n_outputs}
        n_sent = sum(sizes[name] for name in self.mossy)
        if n_sent != cerebellum.n_mossy:
            parts = " + ".join(f"{sizes[name]} ({name})" for name in _SENT if name in self.mossy)
            raise ValueError(f"n_mossy of the cerebellum is {cerebellum.n_mossy}, expected {n_sent} = {parts}")
        self.mapping = self._mapping(mapping)
        self._coupling = {
            "mossy": list(self.mossy),
            "delay_to": as_steps("delay_to", delay_to, net.dt),
            "delay_back": as_steps("delay_back", delay_back, net.dt),
            "gain": self.gain,
            "mapping": self.mapping,
            "horizon": None if horizon is None else as_steps("horizon", horizon, net.dt),
        }

    def _mapping(self, mapping: Any) -> Array:
        n_nuclei, n_outputs = self.cerebellum.n_outputs, self.net.n_outputs
        shape = (n_nuclei, n_outputs)
        if mapping is None:
            if n_nuclei != n_outputs:
                raise ValueError(f"mapping is None, expected an array of shape (n_nuclei, n_outputs) = {shape}")
            return np.eye(n_outputs, dtype=self.cerebellum.dtype)
        if isinstance(mapping, str):
            one_of("mapping", mapping, ("path",))
            if self.net.cell != "rate":
                raise ValueError(
                    f'mapping is "path", expected an array for cells that are not "rate" ({self.net.cell})'
                )
            weights = self.net.parameters
            path = weights["W_out"] @ weights["W_in"][:, self.n_inputs :]
            return np.ascontiguousarray((path / np.linalg.norm(path, 2)).T, dtype=self.cerebellum.dtype)
        found = as_real("mapping", mapping, self.cerebellum.dtype)
        if found.shape != shape:
            raise ValueError(f"mapping has the shape {found.shape}, expected (n_nuclei, n_outputs) = {shape}")
        return found

    def run(
        self,
        inputs: Any,
        targets: ArrayLike | None = None,
        *,
        mask: ArrayLike | None = None,
        learn: bool | str = False,
        cerebellum_off: bool | slice | ArrayLike | None = None,
        seed: int | None = None,
        n_threads: int | None = None,
        progress: bool | Callback = False,
    ) -> CoupledTrajectory:
        """Run the loop, and let the cerebellum learn if asked to. The network does not learn here.

        Parameters
        ----------
        inputs : array_like, shape (n_trials, n_steps, n_inputs), or Trials
            x: the network's inputs but those of the nuclei, which are its last ones. Trials bring targets and mask.
        targets : array_like, shape (n_trials, n_steps, n_outputs), optional
            y*. NaN is not observed, and teaches nothing.
        mask : array_like, shape (n_trials, n_steps) or that of targets, optional
            False, or 0, where targets do not count.
        learn : bool, "online" or "batched"
            True is "online": trial after trial, at every step. Batched, trials run side by side and the weights change
            once, by the sum over all.
        cerebellum_off : bool, slice, or array_like, optional
            Steps at which the nuclei send nothing, nothing is learned and errors are not sent: a slice or numbers of
            steps, or a boolean for each; True is all.
        seed : int, optional
            Of the network's noise; the network's by default.
        n_threads : int, optional
            Threads to use; the package setting by default. Learning online uses one.
        progress : bool or callable
            True shows a bar; a callable is called as ``progress(done, total, loss)``.

        Returns
        -------
        CoupledTrajectory
            Of the run during which it learned.

        Raises
        ------
        FloatingPointError
            If the loop runs away, or a weight is not finite. Weights are then as before that trial or batch.
        RuntimeError
            From any other call of the module while it learns, as from `progress`. The network runs as it was when the
            call began.
        """
        dt = getattr(inputs, "dt", None)
        check_dt(self.net._structure, dt)
        info = getattr(inputs, "info", None) or {}
        inputs, targets, mask = unpacked(inputs, targets, mask)
        x = self.cerebellum._rows("inputs", inputs, self.n_inputs)
        n_steps = x.shape[1]
        wanted = None if targets is None else self._targets(targets, mask, x.shape[:2])
        learning = _learning(learn)
        if learning != "off" and wanted is None:
            raise ValueError("targets are None, expected targets to learn from")
        off = _off(cerebellum_off, n_steps)
        with Report(progress, "run", "trial") as report:
            found = _core.run_coupled(
                self.net._core,
                self.cerebellum._core,
                self._coupling,
                x,
                wanted,
                off=off,
                learning=learning,
                seed=as_seed("seed", self.net.seed if seed is None else seed),
                n_threads=as_threads(n_threads),
                progress=report.callback,
            )
        return CoupledTrajectory(
            found["states"],
            found["outputs"],
            found["inputs"],
            dt=self.net.dt,
            losses=None if wanted is None else _losses(found["outputs"], wanted),
            targets=wanted,
            area=self.net._structure.areas.labels,
            info={name: np.asarray(values) for name, values in info.items()},
            mossy=found["mossy"],
            nuclei=found["nuclei"],
            purkinje=found["purkinje"],
            errors=None if wanted is None else found["errors"],
            off=off,
        )

    def _targets(self, targets: Any, mask: Any, extent: tuple[int, ...]) -> Array:
        shape = (*extent, self.net.n_outputs)
        wanted = as_real("targets", targets, self.cerebellum.dtype, finite=False)
        if wanted.shape != shape:
            raise ValueError(f"targets have the shape {wanted.shape}, expected (trials, time, outputs) = {shape}")
        if mask is None:
            return wanted
        counts = as_real("mask", mask, self.cerebellum.dtype) > 0
        if counts.shape == shape[:2]:
            counts = counts[:, :, None]
        if counts.shape not in (shape, (*shape[:2], 1)):
            raise ValueError(f"mask has the shape {np.shape(mask)}, expected {shape[:2]} or {shape}")
        return np.where(counts, wanted, np.nan).astype(self.cerebellum.dtype)

    def __repr__(self) -> str:
        aim = "" if self.horizon is None else f", predicts {self.horizon:g} s ahead"
        delays = f"{self.delay_to:g} s there, {self.delay_back:g} s back"
        return f"<CoupledNetwork: {self.net!r}, {self.cerebellum!r}, {delays}, gain {self.gain:g}{aim}>"


def couple(
    net: RNN,
    cerebellum: Cerebellum,
    *,
    delay_to: float = 0.0,
    delay_back: float = 0.0,
    gain: float = 1.0,
    mossy: str | Sent = ("activity", "inputs"),
    mapping: str | ArrayLike | None = None,
    horizon: float | None = None,
) -> CoupledNetwork:
    r"""Wire a cerebellar module to a recurrent network, in a loop with conduction delays.

    .. math::

        \xi_t = [r_{t-1-a};\ x_t], \qquad c_t = \text{nuclei}(\xi_t), \qquad
        r_t, y_t = \text{network}([x_t;\ \gamma\, c_{t-b}])

    The network's last inputs are the nuclei; its weights for them decide what the cerebellum does to it. Without
    delays, the module's answer to the network's last state arrives in the next.

    Parameters
    ----------
    net : RNN
        With n_inputs external inputs and, after them, one input for each nucleus.
    cerebellum : Cerebellum
        With as many mossy fibres as the network sends, and the network's dt and dtype.
    delay_to, delay_back : float
        a and b in seconds, whole numbers of steps: from network to mossy fibres, and from nuclei to network.
    gain : float
        γ; with 0 the network runs as it does alone.
    mossy : str, or tuple of {"activity", "inputs", "outputs"}
        What mossy fibres carry, in this order: the units, the external inputs (which do not wait), the network's
        outputs.
    mapping : array_like of shape (n_nuclei, n_outputs), or "path", optional
        M: which error of the network's output each nucleus answers for. By default one for one. "path" is the transpose
        of the direct path from nuclei through the network to its outputs, W_out W_in, scaled to norm 1; for rate cells.
    horizon : float, optional
        In seconds: the nuclei learn to predict the targets this far ahead, instead of learning from the error of the
        network's output. What was sent at t − h is compared with the target at t.

    Returns
    -------
    CoupledNetwork

    Raises
    ------
    ValueError, TypeError
        Naming the argument, what it got and what was expected.

    Notes
    -----
    Learning by the error of the output is a design of this package after the cortico-cerebellar loops of Pemberton,
    Chadderton & Costa, Nat Commun 15:10913, 2024, and Voce, Giannakakis & Clopath, arXiv 2605.10356, 2026. The
    prediction of the target is that of Pemberton et al.; there a perceptron learns whole, here parallel-fibre synapses
    by the module's own rule. The mapping "path" leaves recurrence out; a trace in `Cerebellum` can stand for it.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> net = fg.RNN(1 + 1, 40, 1, dt=0.01, tau=0.05, seed=1)  # one external input, one nucleus
    >>> x = np.zeros((1, 100, 1))
    >>> x[:, :10] = 1.0
    >>> target = np.sin(2 * np.pi * np.arange(100) / 100)[None, :, None]
    >>> layer = fg.cerebellum.GranuleLayer(40 + 1, 400, seed=1)
    >>> module = fg.cerebellum.Cerebellum(layer, 1, plasticity=fg.cerebellum.LMS(0.03), dt=0.01)
    >>> loop = fg.cerebellum.couple(net, module, mapping="path", delay_to=0.01)
    >>> alone = loop.run(x, target, cerebellum_off=True)
    >>> _ = layer.calibrate(alone.mossy)  # thresholds for what the network sends
    >>> for _ in range(50):
    ...     last = loop.run(x, target, learn=True)
    >>> bool(last.losses.mean() < 0.5 * alone.losses.mean())
    True
    >>> ablated = loop.run(x, target, cerebellum_off=slice(50, None))
    >>> bool((ablated.nuclei[:, 50:] == 0).all())
    True
    """
    return CoupledNetwork(
        net,
        cerebellum,
        delay_to=delay_to,
        delay_back=delay_back,
        gain=gain,
        mossy=mossy,
        mapping=mapping,
        horizon=horizon,
    )


def _learning(learn: Any) -> str:
    if isinstance(learn, bool | np.bool_):
        return "online" if learn else "off"
    return one_of("learn", learn, ("online", "batched"))


def _off(given: Any, n_steps: int) -> NDArray[np.bool_]:
    off = np.zeros(n_steps, dtype=np.bool_)
    if given is None:
        return off
    if isinstance(given, bool | np.bool_):
        return off | bool(given)
    steps = given if isinstance(given, slice) else np.asarray(given)
    if not isinstance(steps, slice) and (steps.dtype.kind not in "biu" or steps.ndim != 1):
        raise TypeError(f"cerebellum_off is {given!r}, expected a slice or numbers of steps, or a boolean for each")
    try:
        off[steps] = True
    except (IndexError, TypeError) as error:
        raise ValueError(f"cerebellum_off does not fit {n_steps} steps: {error}") from None
    return off


def _losses(outputs: Array, targets: Array) -> NDArray[np.float64]:
    """Mean squared error of each step, (n_trials, n_steps); NaN where nothing was observed."""
    squares = (outputs.astype(np.float64) - targets) ** 2
    return observed_mean(squares, axis=2)
