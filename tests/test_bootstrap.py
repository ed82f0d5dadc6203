"""The paired bootstrap, against scipy's, an exact probability, and the cases that need no drawing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rag.evaluation.bootstrap import paired_interval


def test_against_scipy() -> None:
    differences = np.random.default_rng(3).normal(0.05, 0.4, 80)
    ours = paired_interval(differences.tolist())
    theirs = stats.bootstrap(
        (differences,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(7)
    ).confidence_interval
    assert ours.difference == pytest.approx(differences.mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_against_the_binomial_distribution() -> None:
    # 20 of 100 questions gained 1: a resample's gain is binomial with n=100, p=0.2
    found = paired_interval([1.0] * 20 + [0.0] * 80)
    assert 100 * found.low == pytest.approx(stats.binom.ppf(0.025, 100, 0.2), abs=1)
    assert 100 * found.high == pytest.approx(stats.binom.ppf(0.975, 100, 0.2), abs=1)
    assert (found.count, found.changed, found.shown) == (100, 20, True)


def test_the_same_again() -> None:
    values = [0.0, 1.0, -1.0, 0.5, 0.0]
    assert paired_interval(values) == paired_interval(values)


def test_nothing_changed_is_no_difference() -> None:
    found = paired_interval([0.0] * 50)
    assert (found.difference, found.low, found.high, found.changed, found.shown) == (0, 0, 0, 0, False)


@pytest.mark.parametrize(("changed", "shown"), [(1, False), (5, False), (6, True)])
def test_a_few_questions_show_nothing_though_all_got_better(changed: int, shown: bool) -> None:
    # two-sided sign test: 2 / 2**5 = 0.0625, 2 / 2**6 = 0.03125
    found = paired_interval([1.0] * changed)
    assert (found.low, found.high) == (1, 1)
    assert found.shown is shown


def test_as_many_better_as_worse() -> None:
    found = paired_interval([1.0, -1.0] * 30)
    assert found.low < 0 < found.high
    assert not found.shown


def test_many_questions_in_little_memory() -> None:
    found = paired_interval([1.0, 0.0] * 3000)  # more than is drawn at a time
    # standard error 0.5 / sqrt(6000) = 0.00645; 1.96 of them on either side
    assert (found.low, found.high) == pytest.approx((0.5 - 0.01265, 0.5 + 0.01265), abs=0.001)


def test_of_nothing() -> None:
    with pytest.raises(ValueError, match="no difference to resample"):
        paired_interval([])
