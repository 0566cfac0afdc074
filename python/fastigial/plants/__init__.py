"""Bodies that are moved, and what is in their way.

PointMass, TwoLinkArm, MuscleArm
    A mass, an arm driven by torques, an arm driven by six muscles: steps, whole movements, exact gradients.
ArmParameters, ARMS, Muscles
    What an arm is made of, the published arms, and what pulls them.
NullField, CurlField, ViscousField, StiffnessField, LinearField, Channel, schedule
    Forces on the hand, walls that hold it on a line, and one of them for each trial.
VisuomotorRotation, VisualGain
    Cursors that do not go where the hand goes.
Vision, Proprioception
    What a controller is told of the hand and of the limbs: late, and with noise.
Movement, Gradients
    What plants return.
"""

from __future__ import annotations

from fastigial.plants.base import Plant
from fastigial.plants.channel import Channel
from fastigial.plants.cursors import VisualGain, VisuomotorRotation
from fastigial.plants.fields import (
    CurlField,
    LinearField,
    NullField,
    StiffnessField,
    ViscousField,
    schedule,
)
from fastigial.plants.movement import Gradients, Movement
from fastigial.plants.muscles import MuscleArm, Muscles
from fastigial.plants.point_mass import PointMass
from fastigial.plants.senses import Proprioception, Vision
from fastigial.plants.two_link_arm import ARMS, ArmParameters, TwoLinkArm

__all__ = [
    "ARMS",
    "ArmParameters",
    "Channel",
    "CurlField",
    "Gradients",
    "LinearField",
    "Movement",
    "MuscleArm",
    "Muscles",
    "NullField",
    "Plant",
    "PointMass",
    "Proprioception",
    "StiffnessField",
    "TwoLinkArm",
    "ViscousField",
    "Vision",
    "VisualGain",
    "VisuomotorRotation",
    "schedule",
]
