"""Words one slip of the finger away from known ones; knows no place and no filter."""

from collections.abc import Iterable

_SHORTEST = 5  # below this, a neighbour is more often another word than a slip


class Spelling:
    """Finds the word meant by a misspelt one: a letter too few or too many, another one, or two swapped.

    Known by the deletions that two such words share, so a look-up costs the letters of one word.
    """

    def __init__(self, meant: Iterable[str], others: Iterable[str] = ()) -> None:
        """`meant` are the words to find, `others` words of their own that look like them; all lower case."""
        words = sorted(set(meant))
        self._known = frozenset(words) | frozenset(others)
        self._by_deletion: dict[str, str] = {}
        for word in words:
            for rest in (word, *_deletions(word)):
                self._by_deletion.setdefault(rest, word)

    def mend(self, word: str) -> str:
        """The word meant, or `word` itself where it is known, short or like none; trusts the first letter."""
        if len(word) < _SHORTEST or len(word) > 30 or word in self._known or not word.isalpha():
            return word
        for rest in (word, *_deletions(word)):
            meant = self._by_deletion.get(rest)
            if meant is not None and meant[0] == word[0] and abs(len(meant) - len(word)) <= 1:
                return meant
        return word


def squeeze(word: str) -> str:
    """Without the repeats of the last letter: "murahhh" is "murah"."""
    return word.rstrip(word[-1]) + word[-1] if word else word


def _deletions(word: str) -> list[str]:
    return [word[:at] + word[at + 1 :] for at in range(1, len(word))]
