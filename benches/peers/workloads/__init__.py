"""The workloads, by name. A new one is a new file here and a line below."""

from __future__ import annotations

from contender import Workload

from workloads import slice_tca, tca

WORKLOADS: dict[str, Workload] = {
    "slice_tca": slice_tca.WORKLOAD,
    "tca": tca.WORKLOAD,
}
