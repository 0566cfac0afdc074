"""Recordings to try things on: simulated with a known truth, and real ones fetched from their authors.

Real recordings are looked for in the folder that the environment variable FASTIGIAL_DATA names, then in the
cache that the ``fetch_*`` functions fill. None of them is part of the package; ``recording.attrs`` says whose
they are.
"""

from __future__ import annotations

from fastigial.datasets.captions import CaptionSet, read_captions
from fastigial.datasets.cerebellar_block import load_cerebellar_block
from fastigial.datasets.files import cache_folder, data_folder
from fastigial.datasets.force_field import fetch_force_field_days, list_force_field_days, load_force_field_day
from fastigial.datasets.hand_paths import HandPaths, load_hand_paths
from fastigial.datasets.pendigits import PenDigits, fetch_pendigits, load_pendigits
from fastigial.datasets.pmd_reach import fetch_pmd_reach, load_pmd_reach
from fastigial.datasets.rat_motor_timing import fetch_rat_motor_timing, load_rat_motor_timing
from fastigial.datasets.simulated import make_learning_recording, make_slicetca, make_tca
from fastigial.datasets.two_rate import TwoRateReaches, load_two_rate
from fastigial.datasets.vocabulary import Vocabulary

__all__ = [
    "CaptionSet",
    "HandPaths",
    "PenDigits",
    "TwoRateReaches",
    "Vocabulary",
    "cache_folder",
    "data_folder",
    "fetch_force_field_days",
    "fetch_pendigits",
    "fetch_pmd_reach",
    "fetch_rat_motor_timing",
    "list_force_field_days",
    "load_cerebellar_block",
    "load_force_field_day",
    "load_hand_paths",
    "load_pendigits",
    "load_pmd_reach",
    "load_rat_motor_timing",
    "load_two_rate",
    "make_learning_recording",
    "make_slicetca",
    "make_tca",
    "read_captions",
]
