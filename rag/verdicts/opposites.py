"""Words that have an opposite, in English and Chinese: which way a text says what it says.

Takes text, gives `Leaning`s: a word of a pair of opposites, and which side of the pair it is on once negation
is counted, so that "did not fall" leans as "rose" does. Pure; a closed list of pairs: an opposite that is not
in it goes unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rag.verdicts.negation import negated


@dataclass(frozen=True, slots=True)
class Leaning:
    """A word of a pair of opposites where it stands; `side` is 1 or -1, negation counted in."""

    pair: str
    side: int
    start: int
    end: int
    flipped: bool = False  # a negation was counted in


# Each line is a pair: one side | the other; an indented line goes on. `*` stands for any ending.
_PAIRS = """
increas* rise rises rising rose risen grow grows grew grown growing growth
  climb* gain* doubl* tripl* quadrupl* expand* expansion surg* soar*
  | decreas* fall falls falling fell fallen declin* drop* shrink* shrank shrunk reduc* plung* halv*
  contract contracted contracting contraction diminish*
more most | less least fewer fewest
before prior | after following subsequently
above | below beneath
higher highest | lower lowest
larger largest bigger biggest greater greatest | smaller smallest
longer longest | shorter shortest
taller tallest | shortest shorter
faster fastest quicker quickest | slower slowest
older oldest | newer newest younger youngest
heavier heaviest | lighter lightest
cheap cheaper cheapest inexpensive | dear dearer dearest expensive costly costlier
earlier earliest early | later latest late
warmer warmest hotter hottest hot warm | colder coldest cooler coolest cold cool
stronger strongest strong strengthen* | weaker weakest weak weaken*
open opens opened opening | close closes closed closing shut shuts
win wins won winning victory victor* | lose loses lost losing defeat*
accept* approv* adopt* | reject* refus* declin*
allow* permit* entitl* | forbid* forbade prohibit* ban bans banned
includ* | exclud*
north northern | south southern
east eastern | west western
left | right
front | back rear
import imports imported importing importer* | export exports exported exporting exporter*
buy buys bought buying purchas* acquir* | sell sells sold selling
begin begins began begun start starts started starting
  | end ends ended ending finish* complet* stop stops stopped ceas*
succeed* success successful* | fail* unsuccessful*
true correct | false incorrect
best better | worst worse
rich wealthy | poor
public | private
maximum maximal | minimum minimal
majority | minority
positive* | negative*
same identical | different
safe | dangerous unsafe hazardous
legal* | illegal*
possible | impossible
able | unable
required mandatory compulsory obligatory necessary | optional voluntary unnecessary
inside indoors indoor | outside outdoors outdoor
upper | lower
upstream | downstream
present presence | absent absence
support supports supported supporting | oppos*
profit profits profitable | loss losses unprofitable
arriv* | depart*
born birth | died death die dies
always | never
married | unmarried divorced
known | unknown
likely | unlikely
common frequent* often | rare rarely seldom infrequent*
male men man boys | female women woman girls
father mother-in-law | mother
clockwise | counterclockwise anticlockwise
wet moist humid | dry arid
hard | soft
deep deeper deepest | shallow shallower shallowest
wide wider widest | narrow narrower narrowest
thick thicker | thin thinner
full | empty
favour favor | against
first | last
ascend* | descend*
accelerat* | slow slows slowed decelerat*
enabl* | disabl*
encourag* | discourag*
connect* | disconnect*
appear* | disappear* vanish*
agree agrees agreed agreeing | disagree*
confirm* | deny denies denied refut*
add adds added adding | remov* subtract*
lend lends lent | borrow*
teach taught teaches | learn learned learnt learns
permanent* | temporar*
natural* | artificial*
domestic | foreign
urban | rural
ancient | modern
promot* | relegat* demot*
guilty | innocent acquitted
reversible | irreversible
soluble | insoluble
visible | invisible
acidic | alkaline
edible | inedible poisonous
nocturnal | diurnal
carnivor* | herbivor*
day daytime | night nighttime
morning | evening
summer | winter
spring | autumn
free | paid
benefit* beneficial | harm*
improv* | worsen* deteriorat*
"""
_HAN_PAIRS = """
上升 增加 增长 上涨 提高 增多 升高 扩大 攀升 增至 升至 升为
  | 下降 减少 下跌 降低 缩小 减至 降至 跌至 下滑 回落 降为
多于 超过 高于 大于 | 少于 低于 小于 不及
以上 | 以下
之前 以前 | 之后 以后
最大 更大 较大 越大 | 最小 更小 较小 越小
最高 更高 较高 越高 | 最低 更低 较低 越低
最长 更长 较长 越长 | 最短 更短 较短 越短
最早 更早 较早 | 最晚 更晚 较晚 最迟
最多 更多 较多 越多 | 最少 更少 较少 越少
最快 更快 较快 越快 | 最慢 更慢 较慢 越慢
最好 更好 | 最差 更差
开放 开门 开启 打开 | 关闭 关门 闭馆 休馆
允许 准许 可以 可用 适宜 | 禁止 禁用 严禁 不得 不准 不许 不宜 不能 不要 不可 切勿 勿
同意 赞成 支持 批准 通过 | 反对 拒绝 否决
成功 | 失败
胜利 获胜 战胜 打败 击败 | 战败 落败 失利 败给
进口 | 出口
买入 购买 收购 | 卖出 出售
开始 开工 | 结束 停止 竣工
东部 东岸 东侧 以东 东面 | 西部 西岸 西侧 以西 西面
南部 南岸 南侧 以南 南面 | 北部 北岸 北侧 以北 北面
左侧 左边 左岸 | 右侧 右边 右岸
上游 | 下游
国内 | 国外 海外
公立 国有 公营 | 私立 私有 私营 民营
盈利 | 亏损
出生 诞生 生于 | 去世 逝世 死亡 病逝 卒于
男性 男子 | 女性 女子
父亲 | 母亲
白天 | 夜间 夜晚 晚上
春季 春天 | 秋季 秋天
夏季 夏天 | 冬季 冬天
正确 | 错误
安全 | 危险
有效 | 无效
合法 | 非法 违法
可能 | 不可能
必须 必需 需要 强制 须 | 无需 不必 无须 不需要 不需 自愿 可选
免费 | 收费
加入 | 退出
加强 增强 | 减弱 削弱
热带 | 寒带
淡水 | 咸水
有毒 | 无毒
常见 | 罕见
古代 | 现代
永久 | 临时
直接 | 间接
酸性 | 碱性
第一 首个 首次 | 最后
好转 改善 | 恶化
有害 | 有益
"""
# Before a number these say how exact it is, not which way something goes.
_HEDGED = re.compile(
    r"\bno (?:later|earlier|sooner|more|less|fewer) than\b"
    r"|\b(?:more|less|fewer|greater|larger|higher|lower) than(?= \w* ?[$€£¥]?\d)"
    r"|\bat (?:least|most)\b|\bup to\b|\b(?:over|above|below|under)(?= (?:about )?[$€£¥]?\d)"
    r"|(?:超过|多于|少于|不超过|高于|低于)(?=约?\d)|以上|以下",
    re.IGNORECASE,
)
_HOURS = re.compile(r"\b(?:opening|closing) (?:hours|times?)\b|开放时间|营业时间|开馆时间", re.IGNORECASE)
_VOTED = re.compile(r"\bvot(?:e|es|ed|ing)\b[^.;,]{0,40}?\b(?P<word>for)\b", re.IGNORECASE)


def _sides(table: str) -> dict[str, tuple[str, int]]:
    """For each word its pair, named by the pair's first word, and its side."""
    sides: dict[str, tuple[str, int]] = {}
    for line in table.strip().replace("\n  ", " ").splitlines():
        for side, part in zip((1, -1), line.split(" | "), strict=True):
            for word in part.split():
                sides.setdefault(word, (line.split()[0], side))
    return sides


_SIDES = _sides(_PAIRS)
_STEMS = sorted((word[:-1] for word in _SIDES if word.endswith("*")), key=len, reverse=True)
_HAN_SIDES = _sides(_HAN_PAIRS)
_HAN_WORDS = re.compile("|".join(sorted(_HAN_SIDES, key=len, reverse=True)))
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")


def leanings(text: str) -> list[Leaning]:
    """The words of `text` that have an opposite, in their order."""
    text = _HOURS.sub(lambda match: " " * len(match[0]), text)
    text = _HEDGED.sub(lambda match: " " * len(match[0]), text)
    places = negated(text)
    found = []
    words = [(match, _side(match[0].casefold())) for match in _WORD.finditer(text)]
    words += [(match, _HAN_SIDES[match[0]]) for match in _HAN_WORDS.finditer(text)]
    for match, known in words:
        if known is not None:
            flipped = sum(start <= match.start() < end for start, end in places) % 2 == 1
            pair, side = known
            found.append(Leaning(pair, -side if flipped else side, *match.span(), flipped))
    found += [Leaning("favour", 1, *match.span("word")) for match in _VOTED.finditer(text)]
    return sorted(found, key=lambda leaning: leaning.start)


@lru_cache(maxsize=16384)
def _side(word: str) -> tuple[str, int] | None:
    if word in _SIDES:
        return _SIDES[word]
    return next((_SIDES[stem + "*"] for stem in _STEMS if word.startswith(stem)), None)
