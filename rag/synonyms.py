"""Words that say the same, so that a plain paraphrase is found without a model.

Plain data; each line is one concept, in stems' own words. Short on purpose: only words that can stand for
each other nearly everywhere.
"""

from __future__ import annotations

from functools import lru_cache

from rag.words import index_terms

_CONCEPTS = """
build built construct erect
begin began begun start commence
end finish conclude
large big huge
small little tiny
buy bought purchase acquire
show demonstrate reveal
help assist aid
use employ utilize utilise
make made produce manufacture
create creation
house home
show display exhibit
car automobile
film movie
doctor physician
illness disease
child kid
fast quick rapid
important significant
main principal chief primary
found establish
study research investigate
begin open
near close
get obtain receive
write wrote written author
discover found
locate situate lie lies
name call title
town city
country nation
worker employee staff
company firm corporation
pay paid payment
need require
allow permit
forbid prohibit ban
increase rise rose risen grow grew grown
decrease fall fell fallen drop decline reduce
high tall
kill die died death
live inhabit reside
inhabitant resident population
visitor tourist
cost price
design architect
contain include comprise
hot warm
cold cool
approximately about
annual yearly year
yearly annually
children child
people person
men man
women woman
teeth tooth
feet foot
mice mouse
lead led leader
win won winner
hold held
stand stood
give gave given
take took taken
speak spoke spoken
know knew known
keep kept
sell sold
send sent
tell told
think thought
run ran
choose chose chosen elect
break broke broken
steal stole stolen
drive drove driven
fly flew flown
eat ate eaten
fall fell fallen
draw drew drawn
leave left
lose lost
mean meant
meet met
teach taught
spend spent
bring brought
"""


@lru_cache(maxsize=1)
def _concepts() -> dict[str, str]:
    concepts: dict[str, str] = {}
    for line in _CONCEPTS.strip().splitlines():
        stems = [index_terms(word).split(" ", 1)[0] for word in line.split()]
        head = next((concepts[stem] for stem in stems if stem in concepts), stems[0])
        for stem in stems:
            concepts.setdefault(stem, head)
    return concepts


def concept(key: str) -> str:
    """The concept that a stem stands for; itself where it stands alone."""
    return _concepts().get(key, key)
