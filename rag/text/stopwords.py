"""Function words: what a question is made of besides what it asks about.

Plain data. Left out of keyword queries, where they would cost long lists and tell nothing; the index
keeps them, so that a phrase in quotes is found exactly.
"""

from __future__ import annotations

import re

_BY_LANGUAGE = {
    "en": """
        a about after all also am an and any are as at be because been before being between both but by
        can could did do does doing during each few for from further give had has have having he her
        here hers him his how i if in into is it its itself just many may me might more most much must
        my no nor not of off on once one only or other our out over own please same shall she should so
        some such tell than that the their them then there these they this those through to too under
        until up upon us very was we were what when where whether which while who whom whose why will
        with would you your yours dont doesnt didnt isnt arent wasnt werent couldnt wouldnt shouldnt
        hasnt havent hadnt whats thats
    """,
    "de": """
        aber als am an auch auf aus bei beim bin bis da damit das dass dein dem den der des die dies
        diese diesem diesen dieser dieses du durch ein eine einem einen einer eines er es für gab gibt
        haben hat hatte hatten ich ihr ihre im in ist kann können man mein mit nach nicht noch nur ob
        oder seit sich sie sind so über um und uns unter vom von vor wann war waren warum was welche
        welchem welchen welcher welches wenn wer werden wie wieso wieviel wir wird wo wurde wurden zu
        zum zur
    """,
    "fr": """
        à au aux avec ce ces cet cette combien comme comment dans de des du elle elles en est et été
        était être il ils je la le les leur leurs lui mais ne nous on ou où par pas pendant plus pour
        pourquoi qu quand que quel quelle quelles quels qui quoi sa sans se ses son sont sur un une vous
        y
    """,
    "es": """
        a al ante cómo como con cuál cual cuáles cuales cuándo cuando cuánto cuanto cuántos cuantos de
        del desde donde dónde durante e el ella ellos en entre era es esta está este esto fue fueron ha
        había han hay la las le les lo los más muy no o para pero por porque qué que quién quien quiénes
        se ser si sin sobre son su sus también tiene un una uno unos y ya
    """,
    "it": """
        a ai al alla alle anche che chi ci come con cosa cui da dal dalla degli dei del della delle di
        dove e è era erano essere fu gli ha hanno i il in la le lo ma nei nel nella non o per perché più
        qual quale quali quando quanti quanto si sono su sul sulla tra un una uno
    """,
    "pt": """
        a ao aos as até com como da das de do dos e é ela ele em entre era eram foi foram há isso já
        mais mas na não nas no nos o onde os ou para pela pelo por porque qual quais quando quanto
        quantos que quem se sem ser seu seus são sua suas também tem um uma
    """,
    "nl": """
        aan al als bij dan dat de der deze die dit door een en er geen had heeft het hij hoe hoeveel hun
        ik in is kan maar met na naar niet nog nu of om onder ook op over te tot uit van veel voor waar
        waarom wanneer waren was wat welk welke werd werden wie wij ze zich zij zijn zo
    """,
    "ru": """
        а без был была были было быть в во вы где да для до его ее если есть же за зачем и из или им их
        к как какая какие каким какого какой какую когда кто кого ли мы на над не него нет но о об он
        она они от по почему при с сколько со так такое такой там то только тот у уже чего чем что чтобы
        эта эти это я
    """,
}
STOP_WORDS = {language: frozenset(words.split()) for language, words in _BY_LANGUAGE.items()}

# In scripts without spaces: what asks, and the particles around it. Statements hardly hold these words, so
# that to BM25 they look rare and telling.
QUESTION_WORDS = re.compile(
    "为什么|為什麼|什么时候|什麼時候|什么样|什么|什麼|甚么|甚麼"
    "|[哪几幾](?:一|几|幾)?[个個些里裡儿兒位种種年月天条條家座支本部项項类類场場国國张張只隻所名款届屆艘次]"
    "|多少|多久|多长|多長|多大|多高|多远|多遠|多重|多深|多快|多宽|多寬"
    "|怎么样|怎麼樣|怎么|怎麼|怎样|怎樣|如何|是否|能否|可否|有没有|有沒有|请问|請問|谁|誰|吗|嗎|呢"
    "|为何|為何|何时|何時|何地|何处|何處|何人|何种|何種|何为|何為|有何"
    "|ですか|ますか|でしたか|ましたか|でしょうか|どのように|どのような|どこ|どの|どれ|どんな|いつ|だれ|なぜ|いくつ|いくら|何人|何年|何"
    "|무엇을|무엇이|무엇|언제|어디에서|어디에|어디|누구|어떻게|어떤|얼마나|몇"
    "|อะไร|ที่ไหน|เมื่อไหร่|เมื่อไร|ใคร|ทำไม|อย่างไร|เท่าไหร่|เท่าไร|ไหม"
)

# Single characters that hold a sentence together rather than say something.
FUNCTION_CHARACTERS = frozenset(
    "的是在了和有与與被为為于於之以及其这這那他她它也就都而はがをにでとのもへやかなたてれしるいま"
)
