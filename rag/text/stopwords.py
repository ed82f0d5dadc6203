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
    "uk": """
        а або але без був була були було в від він вона вони до для є з за і із її їх й його коли котрий який
        яка яке які якого якій якою як до на не над ні о об один по під при про та так також те тим то того
        тому у уже хто це цей ця ці чи чим чого чому ще що щоб де скільки
    """,
    "el": """
        ένα ένας έναν ένας έχει έχουν ή ήταν είναι η θα και κατά με μετά μέσα μεταξύ μια μία μιας να ο οι
        όταν ότι ού που πού πότε ποια ποιά ποιαν ποιας ποιες ποιο ποιό ποιοι ποιον ποιος ποιός ποιου πολύ
        πόσα πόσες πόσο πόσοι πριν προς πως πώς σαν σε στα στη στην στης στις στο στον στου στους τα τη την
        της τι τις το τον του τους των αν ανά από απο αλλά αυτά αυτές αυτή αυτό αυτοί αυτός αυτών για γιατί
        δεν διά ενός επί εκ εξ εις όπως όσο ως μας σας ποιους ποιων
    """,
    "ar": """
        أن أو أي أيضا أية أين إذا إلا إلى الا التي الذي الذين الى اللذان اللتان ان او اي بعد بعض بما بين
        تم تلك تكون ثم حتى حول حيث خلال دون ذلك ذات سوى عام عدة عدد على عن عند عندما غير فإن في فيه فيها قبل
        قد كان كانت كانوا كل كم كما كيف لا لدى لقد لكن لم لماذا لن له لها لهم ليس ما ماذا مع من
        منذ منها منه متى
        مثل هذا هذه هل هم هنا هناك هو هي هؤلاء و وفي وقد وكان وكانت ولا ولم وما ومن وهو وهي يتم يكون
    """,
    "fa": """
        آن آنها آیا از است اند او اگر ای این با باید بر برای بود بودند به تا چرا چگونه چند چه چیست چیزی
        خود در دارد داشت را شد شده شود شدند کجا کدام کرد کرده کند که کسی کی ما من می نمی نیز نیست هر هم همه
        و ولی وی یا یک
    """,
    "he": """
        אבל או אותו אותה איזה איזו אילו איך אין איפה אל אם אנחנו אני אשר את אתה בין גם הוא היא היה היו היתה
        הם הן זאת זה זו יש כאשר כי כך כל כמה כמו לא לאחר לפני מאיפה מדוע מה מהו מהי מהם מי מן מתי על עד עם
        של שלו שלה שם
    """,
    "hi": """
        अपना अपनी अपने अब आदि इन इस इसका इसकी इसके इसमें इसे उन उनका उनकी उनके उन्हें उन्होंने उस उसका उसकी उसके
        उसे एक एवं और कब करता करते करना करने का कि कितना कितनी कितने किन किस किसका किसकी किसके किसने किसी किसे
        की के को कोई कौन कौनसा कौनसी क्या क्यों कहाँ कहां कैसे गया गयी गए गई जब जा जाता जाती जाते जिन जिस जिसका
        जिसकी जिसके जिसने जिसमें जिसे जैसे जो तक तथा तब तो था थी थे द्वारा दिया ने पर पास फिर बाद बारे भी में
        यह यहाँ या ये रहा रहे रही लिए ले वह वहाँ वाला वाली वाले वे सभी साथ से हम हर ही हुआ हुई हुए है हैं हो होता
        होती होते होना
    """,
}
# These have many short words that mean something elsewhere (care, ten, din): one alone says no language.
_BY_TWO_WORDS = {
    "sv": """
        att av blev de den denna dessa det detta din ditt du där då efter eller en ett finns från för ha
        hade han har hon hur här i icke ingen inte jag kan man med men mellan mycket många mot ni nog när och
        om oss på sedan sig sin sitt ska som så till under upp ut vad var vara varför varje vem vi vid vilka
        vilken vilket är över
    """,
    "da": """
        af at blev blive da de den denne der det dette disse du efter eller en er et fra før han har havde
        hun hvad hvem hvilke hvilken hvilket hvor hvordan hvorfor hvornår i ikke jeg kan man med meget mellem
        men mod mange nu når og om op os over på sig sin skal som så til ud under var ved vi vil være
    """,
    "no": """
        av at ble bli da de den denne der det dette disse du etter eller en er et fra før han har hadde hun
        hva hvem hvilke hvilken hvilket hvor hvordan hvorfor når i ikke jeg kan man med mye mellom men mot
        mange nå og om opp oss over på seg sin skal som så til ut under var ved vi vil være
    """,
    "fi": """
        ei eivät että hän he ja jo joka jos joiden jotka jossa kanssa keitä ketkä kuin kuinka kuka kun kuten
        mikä miksi milloin minä missä mistä mitä mitkä miten monta moni mutta mukaan myös ne niin nyt oli
        olivat olla on ovat se sekä sen siitä sitä tai tämä tässä vain voi vuonna
    """,
    "pl": """
        a aby ale bez być był była było były co czego czy czym dla do gdzie i ich ile im ja jak jaka jaki
        jakie jakiego jakim jako jest jego jej już kiedy kim kogo kto która które którego której który których
        którym lub ma mi między można na nad nie niż o od ona oni po przed przez przy są się skąd tak
        także tam te tego tej ten to tu tych tylko tym w we więc z za ze że
    """,
    "cs": """
        a aby ale ani až bez bude by byl byla byli bylo být co či do ho i ja jak jaká jaké jaký jako je jeho
        její jejich jen ji jsou k kde kdo kdy když ke ke která které kterého který kterém ma má mezi na nad ne
        nebo není o od ona po podle pro proč proto před při s se si tak také ten to tím u v ve však z
        za ze že
    """,
    "hu": """
        a az aki akik ahol ami amely amelyek azt csak de egy ez ezt és fel ha hány hogy hogyan hol honnan
        igen így is ki kik kit között le lehet meg mely melyik mi mik mikor mint mit miért milyen még minden
        nagyon nem után vagy van vannak volt voltak
    """,
    "ro": """
        a acest această aceste acestea acești ai al ale am ar are as au avea avut ca care câți câte cât câtă
        ce cea cei cel cele chiar cine cînd când către cu cui cum da dacă dar de deci decât deși din după e
        ea ei el ele era erau este eu fi fie fost fără i iar în înainte între la le lor lui mai mult nici nu
        o ori pe pentru prin sa să sau și se si său sub sunt fiind la un una unde unei unor unui
        va vor
    """,
    "tr": """
        acaba ama ancak bana bazı ben bir biri birçok biz bu buna bunlar bunu burada çok çünkü da daha de
        defa diye en gibi göre hangi hangisi hem hep her hiç için ile ise kaç kadar kez ki kim kimdir kimin
        mi mı mu mü nasıl ne neden nedir nerede nereden nereye nerededir neler niçin niye o olan olarak oldu
        olduğu olup onlar onu onun sonra şu tarafından tüm ve veya vardır var ya yani
    """,
    "vi": """
        ai bao bằng bị các cái cần chỉ cho có của cũng cùng do đã đang đâu để đến đi điều được gì giữa hay
        hơn khi không khiến là lại làm lên lúc mà mấy mỗi một nào này nên nếu nhiêu nhiều như những nhưng ở
        qua ra rằng rất sao sau sẽ sự tại thế thì theo thể trên trong trước từ và vào về với vì việc vậy
    """,
    "id": """
        ada adalah agar akan apa apakah atau bagaimana bagi bahwa berapa bisa dalam dan dapat dari dengan di
        dia hanya ini itu jika juga kapan karena ke kepada ketika lebih mana mengapa mereka oleh pada para
        saat saja sebagai sebuah sejak seperti siapa sudah tahun telah tentang tersebut tidak untuk yang
    """,
}
STOP_WORDS = {
    language: frozenset(words.split()) for language, words in (_BY_LANGUAGE | _BY_TWO_WORDS).items()
}
TWO_ASKED = frozenset(_BY_TWO_WORDS)

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
