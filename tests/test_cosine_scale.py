"""Cosines on one scale: models with known distortions of the bundled one's vectors are put right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rag.embedding.cosine_scale import RELATED, UNRELATED, Scale, measure
from rag.embedding.embeddings import LocalEmbeddings


@pytest.fixture(scope="module")
def bundled() -> LocalEmbeddings:
    return LocalEmbeddings()


def test_the_bundled_model_is_the_scale(bundled: LocalEmbeddings) -> None:
    scale = measure(lambda texts, query: bundled.embed(texts, query=query))
    assert (scale.factor, scale.shift) == (pytest.approx(1, abs=0.02), pytest.approx(0, abs=0.01))
    np.testing.assert_array_equal(bundled.scaled(np.array([0.3])), [0.3])


@pytest.mark.parametrize("kept", [0.3, 0.7])
def test_a_model_whose_cosines_are_squeezed_is_stretched(bundled: LocalEmbeddings, kept: float) -> None:
    def squeezed(texts: Sequence[str], query: bool) -> np.ndarray:
        """Every pair's cosine c becomes kept * c + 1 - kept, as models with a common direction have it."""
        vectors = bundled.embed(texts, query=query) * np.sqrt(kept)
        return np.hstack([vectors, np.full((len(vectors), 1), np.sqrt(1 - kept))])

    scale = measure(squeezed)
    question, near, far = squeezed(["How tall is the tower?", "The tower is tall.", "Bread rises."], False)
    cosines = np.array([question @ near, question @ far])
    plain = bundled.embed(["How tall is the tower?", "The tower is tall.", "Bread rises."])
    np.testing.assert_allclose(scale.of(cosines), [plain[0] @ plain[1], plain[0] @ plain[2]], atol=0.03)


def test_a_model_that_tells_nothing_apart_makes_all_unrelated() -> None:
    def same(texts: Sequence[str], query: bool) -> np.ndarray:
        return np.ones((len(texts), 1))

    assert measure(same) == Scale(0.0, UNRELATED)
    assert measure(same).of(np.array([1.0])) == [UNRELATED] != [RELATED]


def test_a_model_for_chinese_alone_is_measured_in_chinese() -> None:
    def chinese(texts: Sequence[str], query: bool) -> np.ndarray:
        """Each text is its characters of that script, and English is one word to it."""
        rows = np.zeros((len(texts), 4000))
        for row, text in zip(rows, texts, strict=True):
            row[[ord(character) % 3999 for character in text if character > "\u2fff"]] = 1
        rows[:, 3999] = 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    assert measure(chinese).factor > 0
