"""Units of measure, in English and Chinese: what they measure, and how many of the base unit they are.

Plain data. Factors are exact where the unit is defined exactly (the inch is 0.0254 m); months and years are
mean ones. Sources: the SI brochure, NIST SP 811 appendix B; Chinese market units by the 1959 definition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit measures and its size in that measure's base unit; `offset` for temperatures."""

    measure: str
    factor: float
    offset: float = 0.0

    def base(self, value: float) -> float:
        """`value` of this unit in the base unit."""
        return value * self.factor + self.offset


# measure: spellings = factor
_TABLE = """
length: mm millimetre millimetres millimeter millimeters 毫米 = 0.001
length: cm centimetre centimetres centimeter centimeters 厘米 公分 = 0.01
length: m metre metres meter meters 米 公尺 = 1
length: km kilometre kilometres kilometer kilometers 公里 千米 = 1000
length: μm µm micrometre micrometres micrometer micrometers micron microns 微米 = 0.000001
length: nm nanometre nanometres nanometer nanometers 纳米 = 0.000000001
length: inch inches 英寸 = 0.0254
length: ft foot feet 英尺 = 0.3048
length: yd yard yards 码 = 0.9144
length: mi mile miles 英里 = 1609.344
length: 里 = 500
length: light-year light-years 光年 = 9460730472580800
mass: μg µg microgram micrograms 微克 = 0.000000001
mass: mg milligram milligrams 毫克 = 0.000001
mass: g gram grams gramme grammes 克 = 0.001
mass: kg kilogram kilograms kilo kilos 公斤 千克 = 1
mass: 斤 = 0.5
mass: t tonne tonnes ton tons 吨 公吨 = 1000
mass: lb lbs pound-mass 磅 = 0.45359237
mass: oz ounce ounces 盎司 = 0.028349523125
time: ns nanosecond nanoseconds 纳秒 = 0.000000001
time: μs µs microsecond microseconds 微秒 = 0.000001
time: ms millisecond milliseconds 毫秒 = 0.001
time: s sec secs second seconds 秒 秒钟 = 1
time: min mins minute minutes 分钟 = 60
time: h hr hrs hour hours 小时 个小时 钟头 = 3600
time: day days 天 日 = 86400
time: week weeks 周 星期 个星期 = 604800
time: month months 个月 个多月 = 2629746
time: year years yr yrs 年 年间 周年 = 31556952
time: decade decades = 315569520
time: century centuries 个世纪 = 3155695200
age: 岁 year-old years-old = 1
volume: ml millilitre millilitres milliliter milliliters 毫升 = 0.001
volume: l litre litres liter liters 升 公升 = 1
volume: gallon gallons 加仑 = 3.785411784
volume: m³ 立方米 cubic-metres cubic-meters cubic-metre cubic-meter = 1000
volume: 立方公里 立方千米 km³ cubic-kilometres cubic-kilometers = 1000000000000
area: m² m2 平方米 square-metres square-meters square-metre square-meter = 1
area: km² km2 平方公里 平方千米 square-kilometres square-kilometers square-kilometre = 1000000
area: square-kilometer = 1000000
area: square-miles square-mile 平方英里 = 2589988.110336
area: square-feet square-foot sq-ft 平方英尺 = 0.09290304
area: ha hectare hectares 公顷 = 10000
area: acre acres 英亩 = 4046.8564224
area: 亩 = 666.6666666667
speed: km/h kmh kph 公里/小时 千米/小时 kilometres-per-hour kilometers-per-hour = 0.2777777777778
speed: mph miles-per-hour 英里/小时 = 0.44704
speed: m/s 米/秒 metres-per-second meters-per-second = 1
speed: knot knots 节 = 0.5144444444444
data: byte bytes 字节 = 1
data: KB kilobyte kilobytes = 1000
data: MB megabyte megabytes = 1000000
data: GB gigabyte gigabytes = 1000000000
data: TB terabyte terabytes = 1000000000000
data: KiB = 1024
data: MiB = 1048576
data: GiB = 1073741824
power: W watt watts 瓦 瓦特 = 1
power: kW kilowatt kilowatts 千瓦 = 1000
power: MW megawatt megawatts 兆瓦 = 1000000
power: GW gigawatt gigawatts 吉瓦 = 1000000000
energy: J joule joules 焦耳 = 1
energy: kJ kilojoule kilojoules 千焦 = 1000
energy: kWh kilowatt-hour kilowatt-hours 千瓦时 千瓦小时 = 3600000
energy: kcal kilocalorie kilocalories 千卡 大卡 = 4184
voltage: V volt volts 伏 伏特 = 1
voltage: kV kilovolt kilovolts 千伏 = 1000
current: A amp amps ampere amperes 安 安培 = 1
frequency: Hz hertz 赫兹 = 1
frequency: kHz kilohertz 千赫 = 1000
frequency: MHz megahertz 兆赫 = 1000000
frequency: GHz gigahertz 吉赫 = 1000000000
pressure: Pa pascal pascals 帕 = 1
pressure: kPa kilopascal kilopascals 千帕 = 1000
pressure: MPa megapascal megapascals 兆帕 = 1000000
pressure: bar bars 巴 = 100000
pressure: hPa 百帕 = 100
share: % ％ percent per-cent pct percentage-points percentage-point 个百分点 = 1
share: ‰ = 0.1
dollars: $ dollar dollars USD US$ 美元 美金 = 1
euros: € euro euros EUR 欧元 = 1
pounds: £ pounds pound GBP 英镑 = 1
yuan: 元 人民币 yuan RMB CNY renminbi = 1
yen: yen JPY 日元 = 1
rupees: ₹ rupee rupees INR 卢比 = 1
francs: franc francs CHF 法郎 = 1
points: 分 point points = 1
"""
_TEMPERATURES = {
    **dict.fromkeys(("°C", "℃", "degrees-celsius", "degree-celsius", "摄氏度"), Unit("temperature", 1.0)),
    **dict.fromkeys(("°F", "℉", "degrees-fahrenheit", "华氏度"), Unit("temperature", 5 / 9, -160 / 9)),
    **dict.fromkeys(("kelvin", "kelvins", "开尔文"), Unit("temperature", 1.0, -273.15)),
    **dict.fromkeys(("°", "degree", "degrees", "度"), Unit("degrees", 1.0)),
}


def _units() -> dict[str, Unit]:
    units = dict(_TEMPERATURES)
    for line in _TABLE.strip().splitlines():
        measure, rest = line.split(": ")
        names, factor = rest.split(" = ")
        units |= dict.fromkeys(names.split(), Unit(measure, float(factor)))
    return units


UNITS = _units()
CURRENCY_SIGNS = "".join(name for name in UNITS if len(name) == 1 and name in "$€£₹") + "¥￥"
# Spellings in which the case tells units apart; all others are found in any case.
_CASED = {name for name in UNITS if len(name) <= 3 and name.isascii()}


def _pattern(names: list[str]) -> str:
    longest_first = sorted(names, key=len, reverse=True)
    spelled = (re.escape(name).replace(r"\-", r"[\s-]") for name in longest_first)
    return "|".join(spelled)


_LATIN = [name for name in UNITS if re.match(r"[A-Za-zμµ°%％‰℃℉]", name)]
_HAN = [name for name in UNITS if not re.match(r"[A-Za-zμµ°%％‰℃℉$€£₹]", name)]
# A regular expression for a unit right after a number.
AFTER_A_NUMBER = f"(?:(?:{_pattern(_LATIN)})(?![A-Za-z0-9²³])|{_pattern(_HAN)})"

# Words that multiply the number before them; 千 and 百 begin names of units, too (千克, 百帕).
SCALE_WORDS = "thousand|million|billion|trillion|bn|百万|千万|万亿|[万萬亿億]|[千百](?![克米瓦伏卡帕焦赫])"


def unit_named(spelling: str) -> Unit | None:
    """The unit of a spelling as a text has it, or None."""
    name = re.sub(r"\s+", "-", spelling.strip())
    if name in ("¥", "￥"):
        return UNITS["元"]
    found = UNITS.get(name)
    if found is None and name.casefold() not in _CASED:
        found = UNITS.get(name.casefold())
    return found
