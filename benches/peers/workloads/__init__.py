"""The workloads, by name. A new one is a new file here and a line below."""

from __future__ import annotations

from contender import Workload

from workloads import missing_tca, nonnegative_slice_tca, nonnegative_tca, replicates, slice_tca, tca

WORKLOADS: dict[str, Workload] = {
    "slice_tca": slice_tca.WORKLOAD,
    "nonnegative_slice_tca": nonnegative_slice_tca.WORKLOAD,
    "tca": tca.WORKLOAD,
    "nonnegative_tca": nonnegative_tca.WORKLOAD,
    "missing_tca": missing_tca.WORKLOAD,
    "replicates": replicates.WORKLOAD,
}
