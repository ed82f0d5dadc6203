"""English words whose forms or spellings no ending explains: to one of them.

Takes a lower-case word or its stem, gives the form that stands for all: "mice" and "mouse", "began" and
"begin", "colour" and "color". Plain data and a few rules; what a rule does to a word of another language it
does in documents and questions alike. Left out: forms that are as often another word (found, left, saw, rose,
led, lay, bore, ground, wound, bit, fed).
"""

from __future__ import annotations

import re

_IRREGULAR = """
    mouse mice; louse lice; child children; man men; woman women; foot feet; tooth teeth; goose geese
    ox oxen; criterion criteria; phenomenon phenomena; bacterium bacteria; curriculum curricula
    memorandum memoranda; stratum strata; spectrum spectra; corpus corpora; genus genera
    automaton automata; polyhedron polyhedra; schema schemata; index indices; matrix matrices
    vertex vertices; appendix appendices; vortex vortices; axis axes; crisis crises; fungus fungi
    nucleus nuclei; cactus cacti; stimulus stimuli; radius radii; alumnus alumni; larva larvae
    formula formulae; antenna antennae; alga algae; vertebra vertebrae; plateau plateaux; bureau bureaux
    knife knives; wolf wolves; half halves; shelf shelves; wife wives; thief thieves; loaf loaves
    scarf scarves; hoof hooves; calf calves; arise arose arisen; awake awoke awoken; beat beaten
    become became; begin began begun; bend bent; bite bitten; bleed bled; blow blew blown
    break broke broken; breed bred; bring brought; build built; burn burnt; buy bought; catch caught
    choose chose chosen; cling clung; come came; creep crept; deal dealt; dig dug; draw drew drawn
    dream dreamt; drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; feel felt
    fight fought; flee fled; fling flung; fly flew flown; forbid forbade forbidden; forget forgot forgotten
    forgive forgave forgiven; freeze froze frozen; get got gotten; give gave given; go went gone
    grow grew grown; hang hung; hear heard; hide hid hidden; hold held; keep kept; know knew known
    lay laid; lean leant; leap leapt; learn learnt; lend lent; lose lost; make made; mean meant; meet met
    mistake mistook mistaken; overcome overcame; overhear overheard; overtake overtook overtaken
    overthrow overthrew overthrown; pay paid; prove proven; rebuild rebuilt; rewrite rewrote rewritten
    ride rode ridden; ring rang rung; run ran; say said; see seen; seek sought; sell sold; send sent
    shake shook shaken; shine shone; shoot shot; show shown; shrink shrank shrunk; sing sang sung
    sink sank sunk; sit sat; sleep slept; slide slid; speak spoke spoken; spell spelt; spend spent
    spoil spoilt; spring sprang sprung; stand stood; steal stole stolen; stick stuck; sting stung
    strike struck stricken; strive strove striven; swear swore sworn; sweep swept; swell swollen
    swim swam swum; swing swung; take took taken; teach taught; tear tore torn; tell told; think thought
    throw threw thrown; tread trod trodden; undergo underwent undergone; understand understood
    undertake undertook undertaken; uphold upheld; wake woke woken; wear wore worn; weave wove woven
    weep wept; win won; withdraw withdrew withdrawn; withhold withheld; withstand withstood
    write wrote written
"""
BASE_FORMS = {
    form: base
    for line in re.split(r"[;\n]", _IRREGULAR)
    if line.strip()
    for base, *forms in [line.split()]
    for form in forms
}
_MEN = re.compile(r"(?<=[a-z]{3})men$")
_OTHER_MEN = frozenset({"specimen", "regimen", "abdomen", "bitumen", "albumen", "cyclamen", "foramen"})

# British and American, stems of both; the first stands for both.
_PAIRS = """
    grey gray; aluminium aluminum; program programm; plough plow; mould mold; moult molt; moustach mustach
    pyjama pajama; sceptic skeptic; artefact artifact; judgement judgment; acknowledgement acknowledgment
    aeroplan airplan; manoeuvr maneuver; oestrogen estrogen; foetus fetus; anaemia anemia; anaemic anemic
    paediatric pediatric; orthopaedic orthopedic; encyclopaedia encyclopedia; archaeology archeology
    archaeological archeological; mediaeval medieval; leukaemia leukemia; diarrhoea diarrhea
    haemoglobin hemoglobin; oesophagus esophagus; gynaecology gynecology; anaesthesia anesthesia
    anaesthetic anesthetic; maths math; cosy cozy; sulphur sulfur; whisky whiskey; yoghurt yogurt
    doughnut donut; enquiry inquiry; enquir inquir; despatch dispatch; ageing aging; odour odor
    skilful skillful; wilful willful; jewellery jewelry; practis practic; fuel fuell; dial diall
    duel duell; tyre tyr; cancellation cancelation; snowplough snowplow
"""
ONE_OF_PAIR = {
    other: one for line in re.split(r"[;\n]", _PAIRS) if line.strip() for one, other in [line.split()]
}
_RULES = (
    (re.compile(r"(?<=[a-z]{3})our(?=$|ful|less|abl|al|it|hood|ist|er|ly)"), "or"),  # colour, favourite
    (re.compile(r"(?<=[a-z]{3})is(?=ation)"), "iz"),
    (re.compile(r"(?<=[a-z]{2})yz(?=$|er)"), "ys"),  # analyze
    (re.compile(r"(?<=[a-z]{3})iz(?=$|er|abl)"), "is"),  # organize
    (re.compile(r"(?<=[a-z]{2}[tb])r$"), "er"),  # centr(e)
    (re.compile(r"(?<=[a-z]{3}og)u$"), ""),  # catalogu(e)
    (re.compile(r"(?<=[a-z]{3}en)c$"), "s"),  # licenc(e)
    (re.compile(r"(?<=[a-z]{4})ll(?=$|er|or)"), "l"),  # travell(ed)
    (re.compile(r"(?<=[a-z]{4}s)is$"), ""),  # hypothes(is), of which the plural is hypothes(es)
)


def base_form(word: str) -> str:
    """The form that an irregular one belongs to, any other as it is: `base_form("mice")` is `"mouse"`."""
    if word.endswith("children"):
        return word.removesuffix("ren")
    if word in BASE_FORMS or word in _OTHER_MEN:
        return BASE_FORMS.get(word, word)
    return _MEN.sub("man", word)


def one_spelling(stem: str) -> str:
    """British and American stems as one: `one_spelling("colour")` is `"color"`, and so is that of "color"."""
    for pattern, instead in _RULES:
        stem = pattern.sub(instead, stem)
    return ONE_OF_PAIR.get(stem, stem)
