"""Negation and opposites, in English and Chinese: which way a text says what it says.

Takes text, gives `Leaning`s (a word that has an opposite, and which side of the pair it is on once negation
is counted: "did not fall" leans as "rose" does) and the places that a negation reaches. Pure; a closed list
of words, so an opposite that is not in it goes unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leaning:
    """A word of a pair of opposites where it stands; `side` is 1 or -1, negation counted in."""

    pair: str
    side: int
    start: int
    end: int


# Each line is a pair: one side | the other; an indented line goes on. `*` stands for any ending.
_PAIRS = """
increas* rise rises rising rose risen grow grows grew grown growing growth
  climb* gain* expand* expansion surg* soar*
  | decreas* fall falls falling fell fallen declin* drop* shrink* shrank shrunk reduc* plung*
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
cheaper cheapest | dearer dearest costlier
earlier earliest early | later latest late
warmer warmest hotter hottest hot warm | colder coldest cooler coolest cold cool
stronger strongest strong strengthen* | weaker weakest weak weaken*
open opens opened opening | close closes closed closing shut shuts
win wins won winning victory victor* | lose loses lost losing defeat*
accept* approv* adopt* | reject* refus* declin*
allow* permit* | forbid* forbade prohibit* ban bans banned
includ* | exclud*
north northern | south southern
east eastern | west western
left | right
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
上升 增加 增长 上涨 提高 增多 升高 扩大 攀升 增至 升至 增 升
  | 下降 减少 下跌 降低 缩小 减至 降至 跌至 下滑 回落 减 降
多于 超过 高于 大于 | 少于 低于 小于 不及
以上 | 以下
之前 以前 前 | 之后 以后 后
最大 更大 较大 | 最小 更小 较小
最高 更高 较高 | 最低 更低 较低
最长 更长 较长 | 最短 更短 较短
最早 更早 较早 | 最晚 更晚 较晚 最迟
最多 更多 较多 | 最少 更少 较少
最快 更快 较快 | 最慢 更慢 较慢
最好 更好 | 最差 更差
开放 开门 开启 打开 | 关闭 关门 闭馆 休馆
允许 准许 可以 | 禁止 不得 不准 严禁 不许
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
盈利 利润 | 亏损
出生 诞生 生于 | 去世 逝世 死亡 病逝 卒于
男性 男子 | 女性 女子
父亲 | 母亲
白天 | 夜间 夜晚 晚上
春季 春天 | 秋季 秋天
夏季 夏天 | 冬季 冬天
上午 早上 | 下午
正确 | 错误
安全 | 危险
有效 | 无效
合法 | 非法 违法
可能 | 不可能
必须 必需 强制 | 自愿 可选
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
_NEGATOR = re.compile(
    r"\b(?:not|cannot|no|never|without|neither|nor|none|nobody|nothing|nowhere|hardly"
    r"|lack(?:s|ed|ing)?|fail(?:s|ed) to"
    r"|refus(?:es|ed|ing) to|unable to|rather than|instead of|unlike|free of|free from|\w+n['’]t)\b",
    re.IGNORECASE,
)
_NO_NEGATION = re.compile(
    r"\bnot only\b|\bno (?:fewer|less|more) than\b|\bnot least\b|\bno doubt\b|\bno\. ?\d"
    r"|\bnot just\b|\bnot until\b"
    r"|不仅|不但|不只|不过|不断|不久|不少|不同|不管|不论|不锈钢|不足|不到|不等|不得不|无论|无线|无锡|无机|无数|无人机|非洲|非常|未来|除非"
    r"|没收|沉没|埋没|淹没|无疑|非凡|不朽|不丹|不列颠|不动产|莫非",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"[,.;:!?()—，。；：！？（）、\n|]|\b(?:but|and|although|though|while|whereas|because|since|which|who|that|until|if|as)\b"
    r"|但是|但|而且|而|因为|所以|虽然|如果|并且|并",
    re.IGNORECASE,
)
_HAN_NEGATOR = re.compile(
    r"没有|没能|没|并未|并非|从未|未能|尚未|未曾|不曾|不是|不再|不会|不能|不需要|无需|无须|不必|不需|不|未|无|非|毫无|缺乏|并无|拒绝"
)
_REACH = 6  # words that an English negation reaches, to the next border at most
_HAN_REACH = 8  # characters


def _compiled(table: str, *, words: bool) -> tuple[re.Pattern[str], dict[str, tuple[str, int]]]:
    sides: dict[str, tuple[str, int]] = {}
    for line in table.strip().replace("\n  ", " ").splitlines():
        for side, part in zip((1, -1), line.split(" | "), strict=True):
            for word in part.split():
                sides.setdefault(word, (line.split()[0], side))
    longest_first = sorted(sides, key=len, reverse=True)
    if not words:
        return re.compile("|".join(longest_first)), sides
    forms = "|".join(word.replace("*", "[a-z]*") for word in longest_first)
    return re.compile(rf"\b(?:{forms})\b", re.IGNORECASE), sides


_WORDS, _SIDES = _compiled(_PAIRS, words=True)
_HAN_WORDS, _HAN_SIDES = _compiled(_HAN_PAIRS, words=False)
_STEMS = sorted((word[:-1] for word in _SIDES if word.endswith("*")), key=len, reverse=True)


def negated(text: str) -> list[tuple[int, int]]:
    """The places that a negation reaches; a character that two of them reach is in two places."""
    text = _NO_NEGATION.sub(lambda match: " " * len(match[0]), text)
    places = []
    for match in _NEGATOR.finditer(text):
        border = _BOUND.search(text, match.end())
        limit = border.start() if border else len(text)
        words = [word.end() for word in re.finditer(r"\w+", text[match.end() : limit])][:_REACH]
        if words:
            places.append((match.end(), match.end() + words[-1]))
    for match in _HAN_NEGATOR.finditer(text):
        border = _BOUND.search(text, match.end())
        limit = border.start() if border else len(text)
        places.append((match.end(), min(limit, match.end() + _HAN_REACH)))
    return places


def clauses(text: str) -> list[tuple[int, int]]:
    """The clauses of a text: from one border (punctuation, a conjunction) to the next, all of it covered."""
    borders = [match.start() for match in _BOUND.finditer(text) if match.start() > 0]
    return list(zip([0, *borders], [*borders, len(text)], strict=True))


def leanings(text: str) -> list[Leaning]:
    """The words of `text` that have an opposite, in their order."""
    places = negated(text)
    found = []
    for pattern, side_of in ((_WORDS, _side), (_HAN_WORDS, _HAN_SIDES.__getitem__)):
        for match in pattern.finditer(text):
            pair, side = side_of(match[0])
            flips = sum(start <= match.start() < end for start, end in places)
            found.append(Leaning(pair, side * (-1) ** flips, match.start(), match.end()))
    return sorted(found, key=lambda leaning: leaning.start)


def _side(word: str) -> tuple[str, int]:
    word = word.casefold()
    if word in _SIDES:
        return _SIDES[word]
    return next(_SIDES[stem + "*"] for stem in _STEMS if word.startswith(stem))
