"""Two legs' scores for the same candidates to one: pure arithmetic.

Takes what the dense and the keyword search say of each candidate, gives one score for each. All parts are
measured on scales of their own that mean the same for every question and every collection, and not by rank
or by standard deviations: so a leg whose scores lie close together decides little, and one that sets a
candidate apart decides much. Knows no text, no vectors and no index.
"""

from __future__ import annotations

import numpy as np

# The worth of the keyword leg's two parts against a cosine of 1. Found on questions over encyclopedia
# paragraphs in two scripts, the questions of handbooks in seven languages, the first lines of functions'
# descriptions and questions to two long documents, which want more of one leg or of the other: from 0.25 and
# 0.3 to 0.4 and 0.5, none loses more than a point or two.
KEYWORD_WORTH = 0.3
SENTENCE_WORTH = 0.5

# Of a text, the share that an embedder must be able to read (see `rag.embedding.readable`) to be listened to
# at all: what is made of the rest is noise.
LEAST_READABLE = 0.6

# Of the long words of a text, the share that an embedder knows whole: in its own language four fifths and
# more, in any other with the same letters a fifth and less. What it makes of syllables is worth a third: of
# questions over paragraphs in German, Spanish, Romanian and Turkish more are found first with 0.2 to 0.4 than
# with either leg alone, and with 1 in Turkish one in ten is lost.
OWN_LANGUAGE = 0.5
OTHER_LANGUAGE = 0.25
OTHER_WORTH = 0.3


def trust(readable_share: float) -> float:
    """How far the dense leg is listened to, from 0 to 1, on a text of which it can read this share."""
    return min(1.0, max(0.0, (readable_share - LEAST_READABLE) / (1 - LEAST_READABLE)))


def familiarity(known_share: float) -> float:
    """How far the dense leg is listened to in a language of which an embedder knows this share of words."""
    own = (known_share - OTHER_LANGUAGE) / (OWN_LANGUAGE - OTHER_LANGUAGE)
    return OTHER_WORTH + (1 - OTHER_WORTH) * min(1.0, max(0.0, own))


def fused(
    dense: np.ndarray,
    keyword: np.ndarray,
    whole: np.ndarray,
    sentence: np.ndarray,
    *,
    dense_trust: np.ndarray | float,
) -> np.ndarray:
    """One score for each candidate; all arrays are [n].

    `dense`: cosines; `dense_trust`: how far each of them is listened to; `keyword`: BM25, 0 without a common
    term; `whole` and `sentence`: the share of the question's wording that a candidate holds, and that its
    best sentence holds. The sum of

    - the cosine, times `dense_trust`;
    - BM25 as a part of the best candidate's, times how much of the question that candidate holds: BM25 has
      no scale of its own, and a best that holds little of the question is not good;
    - the best sentence's share: words that stand together answer, the same words pages apart do not.
    """
    if not len(dense):
        return np.zeros(0)
    best = int(np.argmax(keyword))
    # divided first: a part of the best one lies in 0..1, however small the best one is
    relative = keyword / keyword[best] * whole[best] if keyword[best] > 0 else np.zeros(len(keyword))
    scores: np.ndarray = dense_trust * dense + KEYWORD_WORTH * relative + SENTENCE_WORTH * sentence
    return scores
