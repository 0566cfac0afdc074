"""The two benchmarks of counterfactual predictive control, as loops ready to learn."""

from __future__ import annotations

from typing import Self

from numpy.typing import ArrayLike

from fastigial.cerebellum.bases import Basis
from fastigial.models.counterfactual_loop import FeedbackLoop
from fastigial.models.counterfactual_settings import pendulum_setting, pursuit_setting

__all__ = ["BenchmarkLoop"]


class BenchmarkLoop(FeedbackLoop):
    """Constructors of `CounterfactualPredictiveControl` beside the general one."""

    @classmethod
    def smooth_pursuit(
        cls,
        *,
        time_constant: float = 0.1,
        delay: float = 0.05,
        gain: float = 1.0,
        reference: ArrayLike | None = None,
        basis: Basis | ArrayLike | None = None,
    ) -> Self:
        """The eye follows a target that starts, stops and comes back: the benchmark of the paper.

        Two leaky integrators in a row, of 100 and 3 ms, under proportional-integral control (20 and 100 per second) of
        an error that is seen 50 ms late; steps of 1 ms; 20 Gaussian basis signals, one every 100 ms, with an SD of
        50 ms. The parameters are those of the *true* plant; traces are built from the nominal one, which has their
        defaults.

        Parameters
        ----------
        time_constant : float
            Of the first integrator, in seconds.
        delay : float
            In seconds.
        gain : float
            Of the plant's input.
        reference : array_like, shape (n_steps,), optional
            Position of the target. Default: 0.5 s of rest, 0.5 s to the right at a constant velocity of 2 per second,
            rest, back, rest; 2.5 s in all.
        basis : Basis or array_like, optional
            As in the class. Default: centres at 0.1, 0.2, …, 2.0 s.

        Returns
        -------
        CounterfactualPredictiveControl

        Raises
        ------
        TypeError, ValueError
            As of the class, and if a parameter of the plant is not above 0.

        Notes
        -----
        Explicit Euler, integrator by integrator (the second sees the first as it is after its step), as the reference
        numbers were made; the general constructor discretises exactly.

        Examples
        --------
        >>> import fastigial as fg
        >>> pursuit = fg.models.CounterfactualPredictiveControl.smooth_pursuit()
        >>> rms = pursuit.train()
        >>> rms[[0, 7]].round(4), round(pursuit.optimum.rms, 4)
        (array([0.1019, 0.0102]), 0.0102)
        """
        return cls(**pursuit_setting(time_constant, delay, gain, reference, basis))

    @classmethod
    def inverted_pendulum(
        cls,
        *,
        mass: float = 67.0,
        height: float = 0.85,
        delay: float = 0.1,
        push: float = 100.0,
        basis: Basis | ArrayLike | None = None,
    ) -> Self:
        """A standing body that is pushed half a second after a cue: anticipatory postural adjustment.

        A nonlinear inverted pendulum under proportional-derivative control (1250 N m per rad and 250 N m s per rad) of
        an angle that is felt 100 ms late; steps of 10 ms. Traces are led through the linearised loop of a body of 67 kg
        and 0.85 m with a delay of 100 ms; the parameters are those of the true one.

        With ``rule="forward_model"`` the filter's output is a counterfactual error (hierarchical sensory predictive
        control), with ``rule="feedback_error"`` a torque.

        Parameters
        ----------
        mass, height : float
            In kg and m.
        delay : float
            In seconds.
        push : float
            Horizontal force at the top, in N, from 0.5 to 0.7 s after the cue.
        basis : Basis or array_like, optional
            Default: 50 alpha functions after the cue, time constants spaced logarithmically from 0.05 to 2 s.

        Returns
        -------
        CounterfactualPredictiveControl

        Raises
        ------
        TypeError, ValueError
            As of the class, and if a size of the body is not above 0.

        Notes
        -----
        Body, gains, delay and time constants are those of the public description of the system in Maffei, Herreros,
        Sanchez-Fibla, Friston & Verschure (2017) Proc R Soc B 284:20171780. Push, cue, length of the trial (3 s), the
        derivative (a difference over one step), the trace through the linearised loop and the learning rate are a
        design of this package: the original delays its traces, in ten pools of Purkinje cells, and has random basis
        signals beside the alpha functions, which are left out here.

        Examples
        --------
        >>> import fastigial as fg
        >>> stance = fg.models.CounterfactualPredictiveControl.inverted_pendulum()
        >>> rms = stance.train(50)
        >>> bool(rms[-1] < 0.7 * rms[0])
        True
        """
        return cls(**pendulum_setting(mass, height, delay, push, basis))
