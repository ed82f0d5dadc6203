"""The fusion's arithmetic, by hand, and what must hold whatever the scores are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.search.fusion import KEYWORD_WORTH, OTHER_WORTH, SENTENCE_WORTH, familiarity, fused, trust


@pytest.mark.parametrize(
    ("readable", "expected"), [(1.0, 1.0), (0.8, 0.5), (0.6, 0.0), (0.3, 0.0), (0.0, 0.0)]
)
def test_trust_falls_with_what_the_embedder_cannot_read(readable: float, expected: float) -> None:
    assert trust(readable) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("known", "expected"), [(1.0, 1.0), (0.5, 1.0), (0.375, 0.65), (0.25, OTHER_WORTH), (0.0, OTHER_WORTH)]
)
def test_a_language_of_syllables_is_left_to_the_keywords(known: float, expected: float) -> None:
    assert familiarity(known) == pytest.approx(expected)


def test_the_sum_by_hand() -> None:
    scores = fused(
        np.array([0.5, 0.7]),
        np.array([8.0, 2.0]),
        np.array([0.75, 0.25]),
        np.array([0.5, 0.0]),
        dense_trust=0.5,
    )
    # BM25 as a part of the best one's, times the 0.75 of the question that the best one holds
    first = 0.25 + KEYWORD_WORTH * 0.75 + SENTENCE_WORTH * 0.5
    second = 0.35 + KEYWORD_WORTH * 2 / 8 * 0.75
    np.testing.assert_allclose(scores, [first, second])


def test_flat_keyword_scores_leave_it_to_the_dense_leg() -> None:
    flat = np.array([5.0, 5.1, 5.0])
    scores = fused(np.array([0.3, 0.4, 0.6]), flat, np.full(3, 0.5), np.full(3, 0.5), dense_trust=1)
    assert int(np.argmax(scores)) == 2


def test_a_keyword_hit_that_stands_out_wins_over_flat_cosines() -> None:
    scores = fused(
        np.array([0.40, 0.42]),
        np.array([20.0, 6.0]),
        np.array([1.0, 0.3]),
        np.array([1.0, 0.3]),
        dense_trust=1,
    )
    assert int(np.argmax(scores)) == 0


def test_without_trust_cosines_change_nothing() -> None:
    keyword, whole, sentence = np.array([1.0, 3.0]), np.array([0.2, 0.6]), np.array([0.1, 0.6])
    for dense in (np.array([0.9, 0.1]), np.zeros(2)):
        np.testing.assert_allclose(
            fused(dense, keyword, whole, sentence, dense_trust=0),
            fused(np.zeros(2), keyword, whole, sentence, dense_trust=1),
        )


def test_no_candidates_and_no_keyword_hits() -> None:
    nothing = np.zeros(0)
    assert fused(nothing, nothing, nothing, nothing, dense_trust=1).shape == (0,)
    zeros = np.zeros(2)
    np.testing.assert_allclose(fused(np.array([0.2, 0.1]), zeros, zeros, zeros, dense_trust=1), [0.2, 0.1])


@given(st.data())
def test_more_of_anything_never_lowers_a_score(data: st.DataObject) -> None:
    shares = st.floats(0, 1)
    count = data.draw(st.integers(1, 6))
    dense = np.array(data.draw(st.lists(shares, min_size=count, max_size=count)))
    sentence = np.array(data.draw(st.lists(shares, min_size=count, max_size=count)))
    keyword = np.array(data.draw(st.lists(st.floats(0, 50), min_size=count, max_size=count)))
    whole = np.full(count, data.draw(shares))
    before = fused(dense, keyword, whole, sentence, dense_trust=1)
    which = data.draw(st.integers(0, count - 1))
    dense[which] += 0.1
    sentence[which] = min(1.0, sentence[which] + 0.1)
    after = fused(dense, keyword, whole, sentence, dense_trust=1)
    assert after[which] > before[which]
    assert np.isfinite(after).all()
