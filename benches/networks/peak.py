"""Child process: flops a second that PyTorch reaches in a 2048 × 2048 product on two threads, the best of twenty."""

from __future__ import annotations

import json
import time

import torch

N = 2048


def main() -> None:
    torch.set_num_threads(2)
    left, right = torch.randn(N, N), torch.randn(N, N)
    least = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        torch.mm(left, right)
        least = min(least, time.perf_counter() - start)
    print(json.dumps({"flops": 2 * N**3 / least}))


if __name__ == "__main__":
    main()
