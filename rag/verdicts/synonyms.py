"""Words that say the same, so that a plain paraphrase is found without a model.

Plain data; each line is one concept. Only words that can stand for each other nearly everywhere, irregular
forms, and words of one family that stemming leaves apart. Gives a stem its concept's name; Chinese words of
two characters are their own stems.
"""

from __future__ import annotations

from functools import lru_cache

from rag.text.words import index_terms

_CONCEPTS = """
build built construct erect construction
begin began begun start commence
end finish conclude terminate
large big huge vast
small little tiny
buy bought purchase acquire
show demonstrate reveal indicate
help assist aid
use employ utilize utilise usage
make made produce manufacture production
create creation
house home
display exhibit
car automobile vehicle
film movie
doctor physician
illness disease
medicine medication drug
child kid children
fast quick rapid swift
important significant crucial
main principal chief primary
found establish foundation
study research investigate
near close
get obtain receive got
award grant
write wrote written author
locate situate lie lies lay location
name call title
town city
country nation
worker employee staff personnel
company firm corporation business enterprise
pay paid payment payable
need require necessary
high tall height
long length
wide width broad
deep depth
heavy weigh weight
strong strength powerful
warm warmth
kill death died dead fatality
live inhabit reside
inhabitant resident population
visitor tourist
cost price expense
spend spent
earn earning income
revenue turnover
holiday vacation leave
yearly annually annual
daily day
person people
man men
woman women
tooth teeth
foot feet
mouse mice
lead led leader
win won winner winning
hold held
stand stood
give gave given
take took taken
speak spoke spoken
know knew known knowledge
keep kept retain
sell sold sale
send sent
tell told
think thought
run ran
choose chose chosen elect select choice
break broke broken
steal stole stolen theft
drive drove driven
fly flew flown flight
eat ate eaten
draw drew drawn
lose lost loss
mean meant
meet met
teach taught
bring brought
grow grew grown growth
rise rose risen
fall fell fallen
shrink shrank shrunk
freeze froze frozen
hide hid hidden
lend lent
feel felt
sink sank sunk
swim swam swum
wear wore worn
throw threw thrown
destroy destruction
discover discovery
analyse analysis analyze
explain explanation
expand expansion
decide decision
invent invention inventor
describe description
permit permission
admit admission
conclude conclusion
receive receipt
move movement relocate
happen occur
reach attain
ask request
answer reply respond response
let allow permit enable
forbid prohibit ban
stop halt cease
repair fix mend
remove delete
add addition
change alter modify modification
contain include comprise inclusion
consist made
approve approval
approximately roughly
limit bound restriction restrict
following next subsequent
previous prior preceding
enough sufficient
whole entire complete total
many numerous
often frequently
usually typically normally generally
almost nearly
additional extra further
error mistake fault
job occupation work
road street
sea ocean
boat ship vessel
stone rock
wood timber wooden
illegal unlawful
rich wealthy
poor impoverished
old ancient aged
new recent newly
famous renowned
difficult hard
easy simple
dangerous hazardous
safe secure
correct right accurate
wrong incorrect
annoying irritating
employer boss
manager supervisor
agreement contract
cancel cancellation
submit submission
attend attendance
participant volunteer
trial experiment
effective efficacy effectiveness
severe serious severely
disaster catastrophe
attack assault
war conflict
weapon arm
president head
king monarch
parliament legislature
law legislation
school college
teacher instructor
pupil student
food nourishment
drink beverage
meal dish
bake baking
stir mix
temperature heat
speed velocity
distance far
engine motor
picture image photograph photo
text wording
option setting
folder directory
function method
delete erase
quit exit
launch introduce
assume suppose
due owing
cause causing
prevent avoid
protect protection
reduce reduction
increase
improve improvement
support backing
opponent adversary
equal identical
link connect join
initial first
execute call run
去世 逝世 病逝 辞世
开工 动工
竣工 完工 建成 落成
开通 通车 通航
使用 采用 运用 利用
通常 一般 往往
购买 买入
饮用 饮酒 喝酒
服用 服药 用药
需要 必须
位于 坐落 地处
包括 包含
开始 起始
面积 占地
全长 总长 长度
称为 叫做 名为
举行 举办 召开
获得 取得 荣获
成立 创立 创办 创建
出生 生于 诞生
市民 居民
员工 职工 雇员
公司 企业
花费 耗资
建造 修建 兴建 建设 建于
制造 生产
批准 许可
儿童 孩子 小孩
重量 体重
次年 翌年
立即 马上
迅速 快速
发布 公布
修改 更改
结束 终止
参加 出席
主持 负责
运行 运转
票价 门票
拥有 享有
死亡 丧生
受伤 负伤
夫人 妻子
总共 一共
原因 缘故
因此 所以
禁止 严禁
缺少 缺乏
达到 达成
地点 地方
时间 时刻
电脑 计算
汽车 轿车
飞机 客机
医生 大夫
"""


@lru_cache(maxsize=1)
def _concepts() -> dict[str, str]:
    concepts: dict[str, str] = {}
    for line in _CONCEPTS.strip().splitlines():
        stems = [word if not word.isascii() else index_terms(word).split(" ", 1)[0] for word in line.split()]
        head = next((concepts[stem] for stem in stems if stem in concepts), stems[0])
        for stem in stems:
            concepts.setdefault(stem, head)
    return concepts


def concept(key: str) -> str:
    """The concept that a stem stands for; itself where it stands alone."""
    return _concepts().get(key, key)
