"""Cosines of any embedding model on one scale: that of the bundled model, for which bounds were measured.

Models put unrelated texts anywhere from 0 to 0.8 and related ones a little or a lot above. Takes a function
that embeds, gives the line that maps its cosines, found on a few questions with answers. Does not load
models, and does not know what is compared later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

# Mean cosine of a question with its answer and with the others' answers, for the bundled model.
RELATED = 0.74
UNRELATED = 0.03
LEAST_CONTRAST = 0.03  # between the two; a model with less tells nothing apart

_PAIRS = {
    "en": (
        (
            "What keeps bread dough rising?",
            "Yeast turns sugar into gas, which makes the dough of bread rise.",
        ),
        ("How tall is the lighthouse?", "The lighthouse on the rock stands 49 metres above the sea."),
        ("Who invented the steam engine?", "Thomas Newcomen built the first working steam engine in 1712."),
        ("What do bees make honey from?", "Honey is made by bees from the nectar of flowers."),
        ("When do I have to file my tax return?", "Tax returns must be filed by the end of January."),
        ("Why is the sky blue?", "Air scatters blue light more than red, so the sky looks blue."),
        ("How do vaccines protect people?", "A vaccine trains the immune system against a disease."),
        (
            "What does the contract say about notice?",
            "Either party may end the contract with three months' notice.",
        ),
    ),
    "zh": (
        ("面包为什么会发起来？", "酵母把糖变成气体，使面包的面团发起来。"),
        ("这座灯塔有多高？", "礁石上的灯塔高出海面四十九米。"),
        ("蒸汽机是谁发明的？", "纽科门在1712年造出第一台能用的蒸汽机。"),
        ("蜜蜂用什么酿蜜？", "蜂蜜是蜜蜂用花蜜酿成的。"),
        ("什么时候要报税？", "纳税申报必须在一月底以前提交。"),
        ("天空为什么是蓝色的？", "空气对蓝光的散射比红光强，所以天空看起来是蓝的。"),
        ("疫苗怎样保护人？", "疫苗训练免疫系统去抵抗疾病。"),
        ("合同对解约通知怎么规定？", "任何一方提前三个月通知即可终止合同。"),
    ),
}


@dataclass(frozen=True, slots=True)
class Scale:
    """`factor * cosine + shift` is what the bundled model would say."""

    factor: float = 1.0
    shift: float = 0.0

    def of(self, cosines: np.ndarray) -> np.ndarray:
        """These cosines on the common scale."""
        return cosines * self.factor + self.shift


def measure(embed: Callable[[Sequence[str], bool], np.ndarray]) -> Scale:
    """The scale of a model: `embed(texts, query)` gives rows of length 1.

    Measured in the language that the model is better at. A model that tells nothing apart in either gets
    factor 0: all texts are as good as unrelated.
    """
    found = [_contrast(embed, pairs) for pairs in _PAIRS.values()]
    related, unrelated = max(found, key=lambda one: one[0] - one[1])
    if related - unrelated < LEAST_CONTRAST:
        return Scale(0.0, UNRELATED)
    factor = (RELATED - UNRELATED) / (related - unrelated)
    return Scale(factor, UNRELATED - factor * unrelated)


def _contrast(
    embed: Callable[[Sequence[str], bool], np.ndarray], pairs: Sequence[tuple[str, str]]
) -> tuple[float, float]:
    questions, answers = zip(*pairs, strict=True)
    cosines = embed(questions, True) @ embed(answers, False).T
    same = np.eye(len(pairs), dtype=bool)
    return float(cosines[same].mean()), float(cosines[~same].mean())
