"""The machine that a measurement was taken on: what it is, how busy others kept it, and the memory of this process."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, cores available, load and system: what a time means nothing without."""
    model = platform.processor() or platform.machine()
    processors = Path("/proc/cpuinfo")
    if processors.exists():
        names = [line for line in processors.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.machine()}",
    }


def busy_seconds() -> float | None:
    """Seconds that all processors together have been busy since the machine started, where the system tells."""
    statistics = Path("/proc/stat")
    if not statistics.exists():
        return None
    user, nice, system, _idle, _waiting, *rest = map(int, statistics.read_text().split("\n", 1)[0].split()[1:8])
    return float(user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def cores_busy_elsewhere(busy_before: float | None, start: float) -> float | None:
    """Cores that other processes kept busy, on average since the start of this one's work.

    A time measured on a machine that others use too is an upper bound, and the worse one for thread pools that wait
    for each other.
    """
    busy_after = busy_seconds()
    if busy_before is None or busy_after is None:
        return None
    return max(busy_after - busy_before - time.process_time(), 0.0) / (time.perf_counter() - start)


def memory(kind: str) -> int:
    """Bytes this process holds now (``VmRSS``) or has held at the most (``VmHWM``).

    Where the system does not tell both, always the most.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith(kind))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
