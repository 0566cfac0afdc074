"""A cerebellar module as a user meets it; the equations are in the core, and the rules in `plasticity`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.cerebellum.base import Module, Parts, as_expansion, as_size
from fastigial.cerebellum.circuit import draw_weights
from fastigial.cerebellum.eligibility import Eligibility, Instantaneous, as_eligibility
from fastigial.cerebellum.granule_layer import GranuleLayer
from fastigial.cerebellum.plasticity import LMS, Covariance
from fastigial.cerebellum.trajectory import CerebellumTrajectory
from fastigial.rnn.checks import as_flag, as_positive, as_real, one_of
from fastigial.rnn.seeds import as_seed
from fastigial.tensor.checks import as_count, as_number, as_threads
from fastigial.tensor.progress import Callback, Report

__all__ = ["Cerebellum"]

Array = NDArray[Any]


class Cerebellum(Module):
    r"""A cerebellar module: granule layer, Purkinje cells, nuclei, and climbing fibres that teach.

    .. math::

        g_t = \text{granule}(\xi_t), \qquad p_t = W_{pf}\, g_t + b_p, \qquad c_t = b_n \pm B p_t

        f_t = C e_{t-d}, \qquad E_t = \sum_k \kappa_k g_{t-k}, \qquad \Delta W_{pf} = \eta f_t E_t^\top - \lambda W_{pf}

    Mossy fibres ξ go through the granule layer to Purkinje cells p, these to the nuclei c, which are the module's
    outputs. The error e, what is missing in the output, comes back along climbing fibres, one for each microzone, and
    only the synapses W_pf of parallel fibres learn (see `LMS` and `Covariance`).

    Parameters
    ----------
    granule_layer : GranuleLayer or int
        The granule layer; a number is that of mossy fibres which reach the Purkinje cells themselves.
    n_outputs : int
        Nuclei.
    n_purkinje : int, optional
        Purkinje cells, a multiple of `n_outputs` unless there is a bottleneck; one for each output by default.
    n_zones : int, optional
        Microzones: groups of as many Purkinje cells each that share a climbing fibre. By default one for each output,
        or for each Purkinje cell if there is a bottleneck.
    nuclei : {"direct", "inhibited"}
        Whether nuclei follow the Purkinje cells or are inhibited by them (then c = b_n − B p, and an error depresses
        the synapses that were eligible).
    bottleneck : "random" or array_like of shape (n_outputs, n_purkinje), optional
        B, where nuclei are to mix Purkinje cells; by default each averages its own.
    plasticity : LMS or Covariance
        How synapses learn; ``LMS()`` by default.
    eligibility : Eligibility or array_like, optional
        What they remember: `Instantaneous` (the default), `Delayed`, `Exponential`, `Alpha`, or the kernel by steps.
    climbing_fibre_delay : float
        d in seconds: what an error needs to reach the synapses. A `Delayed` eligibility of as much undoes it.
    dt : float
        Seconds per step.
    initial_weight : float
        Of all synapses W_pf; others are set by `set_parameters`.
    seed : int
        Of a random bottleneck.
    dtype : {"float32", "float64"}, optional
        Precision; that of the granule layer.

    Attributes
    ----------
    n_mossy, n_features, n_purkinje, n_outputs, n_zones : int
        Mossy fibres, parallel fibres (one for each function of the granule layer's basis), and so on.
    zone : ndarray of int, shape (n_purkinje,)
        Microzone of each Purkinje cell.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, what it got and what was expected.

    Notes
    -----
    Marr, J Physiol 202:437, 1969; Albus, Math Biosci 10:25, 1971; Fujita, Biol Cybern 45:195, 1982; Dean, Porrill,
    Ekerot & Jörntell, Nat Rev Neurosci 11:30, 2010. Sizes of blocks and the scales of B and C are designs of this
    package (see `fastigial.cerebellum.circuit`).

    Examples
    --------
    Learn a sine, from the phase of a clock, after 100 ms of climbing-fibre delay:

    >>> import numpy as np
    >>> import fastigial as fg
    >>> phase = 2 * np.pi * np.arange(200) / 200
    >>> clock = np.stack([np.sin(phase + shift) for shift in np.arange(8)], axis=1)[None]
    >>> target = np.sin(3 * phase)[None, :, None]
    >>> layer = fg.cerebellum.GranuleLayer(8, 400, coding_level=0.2).calibrate(clock)
    >>> module = fg.cerebellum.Cerebellum(
    ...     layer,
    ...     n_outputs=1,
    ...     plasticity=fg.cerebellum.LMS(0.03),
    ...     eligibility=fg.cerebellum.Delayed(0.1),
    ...     climbing_fibre_delay=0.1,
    ...     dt=0.01,
    ... )
    >>> errors = module.learn(np.tile(clock, (40, 1, 1)), np.tile(target, (40, 1, 1)))
    >>> errors.shape, bool(errors[0, -1] < 0.1 * errors[0, 0])
    ((1, 40), True)
    >>> module.run(clock).nuclei.shape
    (1, 200, 1)
    """

    def __init__(
        self,
        granule_layer: GranuleLayer | int,
        n_outputs: int,
        *,
        n_purkinje: int | None = None,
        n_zones: int | None = None,
        nuclei: str = "direct",
        bottleneck: str | ArrayLike | None = None,
        plasticity: LMS | Covariance | None = None,
        eligibility: Eligibility | ArrayLike | None = None,
        climbing_fibre_delay: float = 0.0,
        dt: float = 0.001,
        initial_weight: float = 0.0,
        seed: int = 0,
        dtype: Any = None,
    ) -> None:
        n_nuclei = as_size("n_outputs", n_outputs)
        n_cells = n_nuclei if n_purkinje is None else as_size("n_purkinje", n_purkinje)
        if bottleneck is None and n_cells % n_nuclei:
            raise ValueError(f"n_purkinje is {n_purkinje}, expected a multiple of n_outputs, {n_outputs}")
        usual = n_nuclei if bottleneck is None else n_cells
        zones = usual if n_zones is None else as_size("n_zones", n_zones)
        if n_cells % zones:
            raise ValueError(f"n_zones is {n_zones}, expected a divisor of n_purkinje, {n_cells}")
        rule = LMS() if plasticity is None else plasticity
        if not isinstance(rule, LMS | Covariance):
            raise TypeError(f"plasticity is {plasticity!r}, expected fastigial.cerebellum.LMS(…) or Covariance(…)")
        precision, n_mossy, n_features = as_expansion(granule_layer, dtype)
        self._parts = Parts(
            granule_layer if isinstance(granule_layer, GranuleLayer) else n_mossy,
            n_mossy,
            n_features,
            n_cells,
            n_nuclei,
            zones,
            one_of("nuclei", nuclei, ("direct", "inhibited")),
            rule,
            Instantaneous() if eligibility is None else as_eligibility(eligibility),
            as_positive("climbing_fibre_delay", climbing_fibre_delay, zero=True),
            as_positive("dt", dt),
            precision,
        )
        basis = granule_layer.basis if isinstance(granule_layer, GranuleLayer) else None
        if basis is not None and not np.isclose(basis.dt, self.dt, rtol=1e-6, atol=0.0):
            raise ValueError(f"dt is {self.dt:g} s, expected that of the granule layer's basis, {basis.dt:g} s")
        weight = as_number("initial_weight", initial_weight)
        if not np.isfinite(weight):
            raise ValueError(f"initial_weight is {initial_weight}, expected a finite number")
        sizes = (n_features, n_cells, n_nuclei, zones)
        self._become(draw_weights(*sizes, bottleneck, weight, as_seed("seed", seed), precision))

    def run(
        self,
        mossy: Any,
        *,
        granule: bool = False,
        n_threads: int | None = None,
        progress: bool | Callback = False,
    ) -> CerebellumTrajectory:
        """Run trials without learning.

        Parameters
        ----------
        mossy : array_like, shape (n_trials, n_steps, n_mossy)
            ξ.
        granule : bool
            Keep the activity of parallel fibres as well, which may be large.
        n_threads : int, optional
            Threads to use; the package setting by default.
        progress : bool or callable
            True shows a bar; a callable is called as ``progress(done, total, loss)``.

        Returns
        -------
        CerebellumTrajectory
        """
        given = self._rows("mossy", mossy, self.n_mossy)
        keeps = as_flag("granule", granule)
        with Report(progress, "run", "trial") as report:
            found = self._core.run(given, features=keeps, n_threads=as_threads(n_threads), progress=report.callback)
        return CerebellumTrajectory(
            found["purkinje"],
            found["nuclei"],
            given,
            self.dt,
            granule=found["features"] if keeps else None,
            zone=self.zone,
        )

    def learn(
        self,
        mossy: Any,
        targets: Any = None,
        errors: Any = None,
        *,
        online: bool = True,
        n_epochs: int = 1,
        n_threads: int | None = None,
        progress: bool | Callback = False,
    ) -> NDArray[np.float64]:
        """Learn from whole trials; each begins without traces, and with nothing on its way.

        Parameters
        ----------
        mossy : array_like, shape (n_trials, n_steps, n_mossy)
            ξ.
        targets : array_like, shape (n_trials, n_steps, n_outputs)
            What the nuclei should send: the error is target − nuclei. NaN teaches nothing.
        errors : array_like, shape (n_trials, n_steps, n_outputs)
            In place of targets, the errors themselves, whatever the nuclei send. NaN teaches nothing.
        online : bool
            Change the weights at every step, trial after trial; else once in each epoch, by the sum over all trials.
        n_epochs : int
            Passes over the trials.
        n_threads, progress
            As for `run`; the loss is that of the last trial.

        Returns
        -------
        ndarray, shape (n_epochs, n_trials)
            Mean squared error of each trial as it was met; NaN where nothing was observed.

        Raises
        ------
        FloatingPointError
            If a weight is not finite, as with too large a learning rate. Weights are then as before that trial.
        KeyboardInterrupt
            On Ctrl-C, within a moment. What was learned so far stays (of a batch: nothing).
        RuntimeError
            From any other call of this module meanwhile, as from `progress` or from another thread.

        Examples
        --------
        >>> import numpy as np
        >>> import fastigial as fg
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(20, 50, 3))
        >>> module = fg.cerebellum.Cerebellum(3, 1, plasticity=fg.cerebellum.LMS(0.1), dtype="float64")
        >>> errors = module.learn(x, x @ np.array([[1.0], [-2.0], [0.5]]))
        >>> module.parameters["W_pf"].round(6)
        array([[ 1. , -2. ,  0.5]])
        """
        if (targets is None) == (errors is None):
            raise TypeError(f"expected either targets or errors, got {'neither' if targets is None else 'both'}")
        given = self._rows("mossy", mossy, self.n_mossy)
        taught = {
            name: None if value is None else self._rows(name, value, self.n_outputs, finite=False)
            for name, value in (("targets", targets), ("errors", errors))
        }
        epochs = as_count("n_epochs", n_epochs)
        with Report(progress, "learn", "trial") as report:
            losses = self._core.learn(
                given,
                taught["targets"],
                taught["errors"],
                online=as_flag("online", online),
                n_epochs=epochs,
                n_threads=as_threads(n_threads),
                progress=report.callback,
            )
        return np.array(losses, dtype=np.float64).reshape(epochs, len(given))

    def step(self, mossy: ArrayLike, error: ArrayLike | None = None) -> Array:
        """Advance trials by one step, for loops of one's own.

        Parameters
        ----------
        mossy : array_like, shape (n_trials, n_mossy)
            ξ of this step. The first call, or one with another number of trials, begins them.
        error : array_like, shape (n_trials, n_outputs), optional
            Of the step before, which is taught first (as `teach` does).

        Returns
        -------
        ndarray, shape (n_trials, n_outputs)
            The nuclei.

        Examples
        --------
        >>> import numpy as np
        >>> import fastigial as fg
        >>> module = fg.cerebellum.Cerebellum(2, 1, plasticity=fg.cerebellum.LMS(0.5), dtype="float64")
        >>> for _ in range(20):
        ...     output = module.step([[1.0, 0.0]])
        ...     module.teach(3.0 - output)
        >>> output.round(4)
        array([[3.]])
        """
        if error is not None:
            self.teach(error)
        given = as_real("mossy", mossy, self.dtype)
        if given.ndim != 2:
            raise ValueError(f"mossy has the shape {given.shape}, expected (n_trials, n_mossy)")
        return self._core.step(given)

    def teach(self, error: ArrayLike) -> None:
        """Teach the error of the last `step`, which arrives after the climbing fibres' delay.

        Parameters
        ----------
        error : array_like, shape (n_trials, n_outputs)
            What is missing in the output; NaN teaches nothing. What several trials teach at once adds up.

        Raises
        ------
        FloatingPointError
            If a weight would not be finite. Weights are then as before this call.

        Notes
        -----
        Forgetting per step goes on; that per trial needs the end of a trial, which only whole trials have (`learn`).
        """
        given = as_real("error", error, self.dtype, finite=False)
        if np.isinf(given).any():
            raise ValueError("error is infinite in places, expected finite numbers, or NaN where nothing was observed")
        self._core.teach(given)

    def reset(self) -> Self:
        """Begin new trials of `step`: no traces, and nothing on its way.

        Weights stay, and so do the running means of `Covariance`. Nothing is forgotten here, not even with
        ``forgetting_per="trial"``.
        """
        self._core.reset()
        return self
