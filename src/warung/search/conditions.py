"""New or used, in a shopper's words; knows no goods.

"baru" and "new" have other uses, which `names` and `idioms` of the vocabulary take before this is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from warung.products.schemas import Condition
from warung.search.vocabulary import CONDITIONS, IDIOMS, NAMES, NEGATIONS, ORDERS, WORDS

_OPPOSITE: dict[Condition, Condition] = {"new": "used", "used": "new"}


@dataclass(frozen=True, slots=True)
class ConditionWords:
    """What `words` words ask for; `condition` None where both will do: "baru atau bekas"."""

    condition: Condition | None
    words: int


def read_condition(words: Sequence[str], start: int) -> ConditionWords | None:
    """The condition whose words begin at `words[start]`, "bukan bekas" included; None where none is named."""
    negated, at = _negation(words, start)
    found = CONDITIONS.match(words, at)
    if found is None or (at == start and _is_adverb(words, start)):
        return None
    if at > start and any(table.match(words, at) for table in (NAMES, IDIOMS, ORDERS)):
        return None
    condition, end = found[0], at + found[1]
    while (more := CONDITIONS.match(words, end)) and more[0] == condition:
        end += more[1]
    if negated:
        return ConditionWords(_OPPOSITE[condition], end - start)
    other = end
    while other < min(len(words), end + 2) and words[other] in WORDS.joiners:
        other += 1
    either = CONDITIONS.match(words, other) if other > end else None
    if either and either[0] != condition:
        return ConditionWords(None, other + either[1] - start)
    return ConditionWords(condition, end - start)


def _negation(words: Sequence[str], start: int) -> tuple[bool, int]:
    """Whether what follows is not wanted, and where it begins: "jangan yang", "kondisi", "ga"."""
    negation = NEGATIONS.match(words, start)
    if negation is None and words[start] in WORDS.negated.words | WORDS.without:
        return True, start + 1  # "ga second"; but "ada laptop ga yang second" only asks
    at = start + (negation[1] if negation else 0)
    while at < min(len(words), start + 5) and words[at] in WORDS.conditions.leads:
        at += 1
    return negation is not None, at


def _is_adverb(words: Sequence[str], at: int) -> bool:
    """ "Baru gajian nih": at the very beginning "baru" means just now."""
    return words[at] == "baru" and at == 0 and len(words) > 1 and words[1] not in WORDS.joiners
