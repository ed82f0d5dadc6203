"""How sure a difference between two runs on the same questions is: a paired bootstrap.

Takes the questions' differences, gives their mean's interval. Pure; draws with a fixed seed, so that the same
differences give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
SEED = 20_240_106
CERTAINTY = 95  # per cent
# With fewer that differ at all, chance alone would make them all go one way more often than 5 times in 100
# (two-sided sign test: 2 / 2**5 = 0.0625), and there are too few to resample.
FEWEST_CHANGED = 6
_AT_A_TIME = 4_000_000  # numbers drawn


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean difference with its interval, over `count` questions of which `changed` differ at all."""

    difference: float
    low: float
    high: float
    count: int
    changed: int

    @property
    def shown(self) -> bool:
        """Whether these questions show a difference: the interval leaves 0 out, and enough differ."""
        return self.changed >= FEWEST_CHANGED and not self.low <= 0 <= self.high


def paired_interval(differences: Sequence[float]) -> Interval:
    """The interval in which 95 of 100 resampled means lie (percentile method; Efron and Tibshirani, 1993).

    Raises `ValueError` for no differences.
    """
    values = np.asarray(differences, np.float64)
    if not len(values):
        raise ValueError("there is no difference to resample")
    random = np.random.default_rng(SEED)
    means = np.empty(RESAMPLES)
    step = max(1, _AT_A_TIME // len(values))
    for first in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - first)
        means[first : first + size] = values[random.integers(0, len(values), (size, len(values)))].mean(
            axis=1
        )
    outside = (100 - CERTAINTY) / 2
    low, high = np.percentile(means, [outside, 100 - outside])
    return Interval(float(values.mean()), float(low), float(high), len(values), int(np.count_nonzero(values)))
