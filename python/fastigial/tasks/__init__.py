"""Tasks to train networks on: each draws trials from a seed.

Every task takes its durations in seconds as keyword arguments and has ``sample(n_trials, seed)``, which returns
:class:`Trials`: inputs, targets, and where the targets count. The same seed gives the same trials. A class of your own
with that one method is a task too; :class:`Task` is a base that does the rest.
"""

from __future__ import annotations

from fastigial.tasks.base import Sampler, Task
from fastigial.tasks.captions import Captions
from fastigial.tasks.classes import one_hot
from fastigial.tasks.context_decision import ContextDecision
from fastigial.tasks.delayed_match import DelayedMatchToSample
from fastigial.tasks.delayed_reach import DelayedReach
from fastigial.tasks.digits import SequentialDigits
from fastigial.tasks.evidence import EvidenceAccumulation
from fastigial.tasks.flip_flop import FlipFlop
from fastigial.tasks.function import from_function
from fastigial.tasks.line_drawing import LineDrawing
from fastigial.tasks.n_step_memory import NStepMemory
from fastigial.tasks.neuro_gym import NeuroGym
from fastigial.tasks.online_digit_drawing import OnlineDigitDrawing
from fastigial.tasks.online_line_drawing import OnlineLineDrawing
from fastigial.tasks.pen_strokes import PenStrokes
from fastigial.tasks.pulses import PulseAccumulation
from fastigial.tasks.ready_set_go import ReadySetGo
from fastigial.tasks.scene_captions import SceneCaptions
from fastigial.tasks.sequence_memory import SequenceMemory
from fastigial.tasks.sine import Sine
from fastigial.tasks.tracking import Tracking
from fastigial.tasks.trials import Trials

__all__ = [
    "Captions",
    "ContextDecision",
    "DelayedMatchToSample",
    "DelayedReach",
    "EvidenceAccumulation",
    "FlipFlop",
    "LineDrawing",
    "NStepMemory",
    "NeuroGym",
    "OnlineDigitDrawing",
    "OnlineLineDrawing",
    "PenStrokes",
    "PulseAccumulation",
    "ReadySetGo",
    "Sampler",
    "SceneCaptions",
    "SequenceMemory",
    "SequentialDigits",
    "Sine",
    "Task",
    "Tracking",
    "Trials",
    "from_function",
    "one_hot",
]
