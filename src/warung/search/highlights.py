"""Where a product's texts hold what was searched for; knows no index and writes no HTML."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from warung.products.product import Product
from warung.search.thesaurus import Terms
from warung.search.tokens import Token, split
from warung.search.wording import SearchTerm

# Where a text is in code points: from the first one to the one behind the last.
Place = tuple[int, int]


class Highlights(BaseModel):
    """Places in a card's texts, `[start, end)` in Unicode code points, in order and apart from each other."""

    name: list[Place]
    description: list[Place]


class Highlighter:
    """Marks words that stand for one of `wanted`; `terms` makes the index's terms of a word."""

    def __init__(self, wanted: Sequence[SearchTerm], terms: Terms) -> None:
        self._terms = terms
        self._prefixes = tuple(term.prefix for term in wanted if term.prefix is not None)
        alternatives = [alternative for term in wanted for alternative in term.alternatives]
        self._single = {term for a in alternatives if len(a.terms) == 1 for term in a.terms}
        self._phrases = [a.terms for a in alternatives if len(a.terms) > 1]

    def mark(self, product: Product) -> Highlights:
        return Highlights(name=self.places(product.name), description=self.places(product.description))

    def places(self, text: str) -> list[Place]:
        tokens = split(text)
        marked = set(self._marked(tokens))
        return [(token.start, token.end) for at, token in enumerate(tokens) if at in marked]

    def _marked(self, tokens: Sequence[Token]) -> Iterator[int]:
        """The numbers of the tokens that stand for something, some twice."""
        terms = [tuple(self._terms(token.text)) for token in tokens]
        for at, token in enumerate(tokens):
            if token.text.startswith(self._prefixes) or not self._single.isdisjoint(terms[at]):
                yield at
            for phrase in self._phrases:
                length = len(phrase)
                behind = terms[at : at + length]
                if len(behind) == length and all(t in own for t, own in zip(phrase, behind, strict=True)):
                    yield from range(at, at + length)
