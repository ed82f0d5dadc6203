"""The names that a text holds, as far as its writing shows them.

Takes text, gives `Name`s with their places: capitalised words and what stands in title quotes; in Chinese,
where nothing marks a name, words that end as names of places and bodies do, surnames before given names,
and runs of the characters that foreign names are written with. Pure; has no list of the world's names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Name:
    """A name as the text has it. `sure` is false where it may be an ordinary word: a sentence's first."""

    text: str
    start: int
    end: int
    sure: bool = True


_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;。！？：]|\n|[-*•]|\|)[\s\"'“‘(*_]*$")
_ORDINARY_WORDS = """
    the a an this that these those it its he she they we you i his her their our my your in on at by for
    from
    to of with as and or but if when while where what which who whose how why although though because since
    until unless after before during between among within without under over above below about against
    through into onto upon per there here then thus hence therefore however moreover furthermore also both
    either neither each every all any some many most more much few several other another such same not no
    yes according only even just still yet already once first second third finally overall today although
    january february march april may june july august september october november december
    mr mrs ms dr prof sir lady lord st is are was were has have had does did do can could will would should
    one two three four five six seven eight nine ten eleven twelve
"""
_ORDINARY = frozenset(_ORDINARY_WORDS.split())
# Endings of ordinary nouns, adverbs and plurals: as a sentence's first word they are no name.
_ORDINARY_ENDING = re.compile(
    r"(?:tions?|sions?|ments?|ness|ings?|ity|ities|ance|ence|ism|ly|ers?|ors?|ships?|ages?|ures?|als?|ings|ed|(?<!s)s)$"
)
_VERB = re.compile(
    r"\s+(?:is|was|were|are|has|had|have|will|did|does|can|could|would|must|became|began|wrote|won|built|took|made|led"
    r"|gave|held|left|met|ran|set|sold|spent|[a-z]+ed|[a-z]+s)\b"
)
_ANY_HAN = re.compile("[\u4e00-\u9fff]")
_TITLES = re.compile(r"《([^》]+)》|〈([^〉]+)〉")

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白"
    "邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
    "詹欧阳司马诸葛茅梅鲁贝祖冼竺屠华伍柳关岳墨郦蔺霍"
)
_SURNAME_BEFORE = "由被与和、是为请经给向对及家师人者士长员父帝相使将·，。；：（“任聘派叫名"
_SURNAME_AFTER = (
    r"(?=于|在|是|的|等|和|与|、|，|。|提出|设计|发明|主持|担任|出任|编|著|写|说|认为|率|创|建"
    r"|出生|去世|教授|院士|先生|女士|博士|曾|任|还|也|共同|负责|指出|所|获|进行|及|发现|绘|撰|$|）|；|”|领导|完成|测|用|开|带|从|把|将|被|为|花|死|生|当选|就任|继|统)"
)
_PERSON = re.compile(
    rf"(?:(?<=[{_SURNAME_BEFORE}])|^)(?P<name>[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}?){_SURNAME_AFTER}"
)
_KNOWN_NAMES = """
    中国 美国 英国 法国 德国 日本 俄罗斯 俄国 苏联 意大利 西班牙 葡萄牙 荷兰 比利时 瑞士 瑞典 挪威
    丹麦 芬兰 波兰 奥地利 希腊 土耳其 印度 巴西 加拿大 澳大利亚 新西兰 韩国 朝鲜 越南 泰国 缅甸
    印度尼西亚 马来西亚 新加坡 菲律宾 埃及 南非 肯尼亚 墨西哥 阿根廷 智利 秘鲁 伊朗 伊拉克 以色列
    巴基斯坦 孟加拉国 哈萨克斯坦 乌克兰 匈牙利 捷克 爱尔兰 冰岛 蒙古 尼泊尔 北京 上海 天津 重庆 广东
    广州 深圳 江苏 南京 苏州 无锡 浙江 杭州 宁波 福建 福州 厦门 山东 济南 青岛 河南 郑州 洛阳 开封
    湖北 武汉 湖南 长沙 四川 成都 贵州 贵阳 云南 昆明 广西 桂林 海南 海口 江西 南昌 景德镇 安徽 合肥
    河北 石家庄 赵县 山西 太原 大同 陕西 西安 延安 甘肃 兰州 敦煌 青海 西宁 宁夏 银川 新疆 乌鲁木齐
    西藏 拉萨 内蒙古 辽宁 沈阳 大连 吉林 长春 黑龙江 哈尔滨 香港 澳门 台湾 台北 伦敦 巴黎 柏林 罗马
    纽约 华盛顿 东京 京都 大阪 莫斯科 长江 黄河 珠江 淮河 亚洲 欧洲 非洲 北美洲 南美洲 大洋洲 太平洋
    大西洋 印度洋 北冰洋 唐代 唐朝 宋代 宋朝 北宋 南宋 元代 元朝 明代 明朝 清代 清朝 汉代 汉朝 西汉
    东汉 秦代 秦朝 隋代 隋朝 商代 商朝 周代 西周 东周 战国 春秋 三国 晋代 西晋 东晋 北魏 南北朝 五代
    民国 水星 金星 地球 火星 木星 土星 天王星 海王星 太阳 月球 周一 周二 周三 周四 周五 周六 周日
    星期一 星期二 星期三 星期四 星期五 星期六 星期日 星期天 红色 黄色 蓝色 绿色 白色 黑色 紫色 灰色
    橙色 粉色 春季 夏季 秋季 冬季
"""
_KNOWN = _KNOWN_NAMES.split()
_KNOWN_PATTERN = re.compile("|".join(sorted(_KNOWN, key=len, reverse=True)))
_FOREIGN = re.compile(
    "[阿埃艾安奥巴拜班邦鲍贝本比彼宾波博布查达戴丹当德登迪蒂杜顿多厄恩尔法菲费芬弗福盖冈戈格哈海汉赫亨霍基吉加杰金卡凯坎康科克肯库奎拉莱赖兰劳勒雷里利林"
    "卢鲁伦罗洛马麦曼梅门蒙米密缪莫默穆纳南内尼涅努诺欧帕潘佩彭皮普齐奇乔切琼丘屈让瑞撒萨塞桑瑟森沙莎舍圣施什史士斯丝索塔泰坦汤陶特廷图托瓦威韦维温沃乌伍西希谢辛休"
    "许雅亚延耶伊因英尤约泽詹珍朱佐兹茨莉娜妮·]{3,}"
)


def names(text: str) -> list[Name]:
    """The names in `text`, in their order; a run of capitalised words gives one name a word."""
    found = [*_latin(text), *_han(text)]
    return sorted(found, key=lambda name: (name.start, name.end))


def _latin(text: str) -> list[Name]:
    found = []
    for match in _WORD.finditer(text):
        word = re.sub(r"['’]s?$", "", match[0])
        if not word[0].isupper() or word.casefold() in _ORDINARY or (len(word) == 1):
            continue
        sure = True
        if _SENTENCE_START.search(text[: match.start()]):
            followed = re.match(r"[\s-]+(?:of |de |van |von )?[A-Z]", text[match.end() :])
            bare = _VERB.match(text, match.end()) or text[match.end() : match.end() + 2] in ("'s", "’s")
            sure = bool(followed or word.isupper() or (bare and not _ORDINARY_ENDING.search(word)))
        found.append(Name(word, match.start(), match.end(), sure))
    return found


def _han(text: str) -> list[Name]:
    found: list[Name] = []
    if not _ANY_HAN.search(text):
        return found
    for pattern, sure in (
        (_TITLES, True),
        (_KNOWN_PATTERN, True),
        (_PERSON, False),
        (_FOREIGN, True),
    ):
        for match in pattern.finditer(text):
            group = match.lastindex or 0
            found.append(Name(match[group], match.start(group), match.end(group), sure))
    return found


def same_dynasty(name: str) -> tuple[str, ...]:
    """Other ways to write a Chinese dynasty: 隋朝 is 隋代."""
    if len(name) == 2 and name[1] in "代朝":
        return (name[0] + "代", name[0] + "朝")
    return ()
