"""A search in the shopper's own words, answered with reasons; knows no route and stores no conversation."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from anyio.to_thread import run_sync
from pydantic import TypeAdapter

from warung.accounts.guests import Caller
from warung.analytics.recorder import Recorder
from warung.assistant import phrases
from warung.assistant.language import Language, language_of
from warung.assistant.notes import note
from warung.assistant.reader import Reader
from warung.assistant.reading import Claim, Offer, is_in_doubt
from warung.assistant.reasons import reasons
from warung.assistant.schemas import AiSearchAnswer, AiSearchRequest
from warung.errors import InvalidInput
from warung.gazetteer.places import Gazetteer
from warung.geo import Coordinates
from warung.products.categories import load_categories
from warung.search.facets import Facet
from warung.search.query import QueryParser
from warung.search.relaxation import loosen
from warung.search.request import NOTHING, SearchRequest, SearchResult
from warung.search.schemas import read_facets
from warung.search.service import SearchService
from warung.search.understanding import read, request_for, wire
from warung.search.understood import Understood

ROUTE = "/api/products/ai-search"


@dataclass(frozen=True, slots=True)
class _Words:
    """What the index knew of the question's words on the first page: the misspelt ones with those that were
    meant, and those that no product had."""

    corrected: Mapping[str, str]
    unknown: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Answered:
    """What was understood, the model's part in it, and what it brought."""

    understood: Understood
    claims: Sequence[Claim]
    words: _Words
    asked: SearchRequest
    found: SearchResult


Find = Callable[[AiSearchRequest, _Words, Sequence[Claim]], _Answered]
_CURSOR = TypeAdapter(tuple[list[Claim], _Words, str])


@dataclass(frozen=True, slots=True)
class AiSearch:
    """The rules' reading is the floor: `reader` is asked where they leave doubt, and what it adds is kept
    only if something is found by it."""

    parser: QueryParser
    gazetteer: Gazetteer
    search: SearchService
    reader: Reader
    recorder: Recorder = field(default_factory=Recorder)

    async def answer(self, body: AiSearchRequest, caller: Caller) -> AiSearchAnswer:
        """One page. Raises InvalidInput, TooManyRequests, and Unavailable while the index is being built."""
        here = Coordinates.parse(body.location) if body.location else caller.location
        find: Find = partial(self._find, here, read_facets(body.facets, has_place=True))
        if body.cursor:
            claims, words, cursor = _unpack(body.cursor)
            caller.spend()
            answered = await run_sync(find, body.model_copy(update={"cursor": cursor}), words, claims)
        else:
            caller.spend()
            answered = await self._first_page(body, caller.owner, find)
        return self._present(answered, language_of(body.query))

    async def _first_page(self, body: AiSearchRequest, owner: str, find: Find) -> _Answered:
        words, claims = await run_sync(self._words, body.query), list[Claim]()
        understood = self._understood(body.query, words)
        if is_in_doubt(understood, words.unknown):
            used, offer = partial(self.recorder.used, owner, ROUTE), self._offer(body.query, words)
            claims = await self.reader.read(body.query, offer.quotes(), owner, used)
        answered = await run_sync(find, body, words, claims)
        if answered.claims and not answered.found.cards:
            answered = await run_sync(find, body, words, list[Claim]())
        asked, found = answered.asked, answered.found
        note(self.recorder, owner, body.query, search=asked, understood=answered.understood, found=found)
        return answered

    def _words(self, query: str) -> _Words:
        text = self.parser.parse(query).text
        return _Words(self.search.corrections(text), self.search.unknown_words(text))

    def _understood(self, query: str, words: _Words) -> Understood:
        return read(query, self.parser, lambda _text: words.corrected)

    def _offer(self, query: str, words: _Words) -> Offer:
        return Offer(query, self._understood(query, words), words.unknown, self.gazetteer)

    def _find(
        self,
        here: Coordinates | None,
        facets: frozenset[Facet],
        body: AiSearchRequest,
        words: _Words,
        claims: Sequence[Claim],
    ) -> _Answered:
        understood, held = self._offer(body.query, words).apply(claims)
        asked = request_for(understood, here, limit=body.limit)
        counted = facets if asked.near else facets - {Facet.DISTANCE}
        asked = replace(asked, cursor=body.cursor, facets=counted, offers=body.offers)
        found = NOTHING if understood.is_empty else self.search.search(asked)
        return _Answered(understood, held, words, asked, found)

    def _present(self, answered: _Answered, language: Language) -> AiSearchAnswer:
        understood, found = answered.understood, answered.found
        sort = loosen(answered.asked, found.relaxed).sort
        said = [*_read_as(answered.claims, language), phrases.opening(understood, found, sort, language)]
        following = found.next_cursor and _pack(answered)
        return AiSearchAnswer.made(
            replace(found, next_cursor=following),
            reasons=reasons(found.cards, understood, self.search.matched(understood.text), language),
            understood=wire(understood),
            answer=" ".join(said),
            reading="model" if answered.claims else "rules",
        )


def _read_as(claims: Sequence[Claim], language: Language) -> list[str]:
    """What was made of words that prove nothing by themselves."""
    names = {category.slug: category.name for category in load_categories()}
    return [
        phrases.say("found.read_as", language, quote=claim.quote, meaning=names[claim.value])
        for claim in claims
        if claim.value is not None
    ]


def _pack(answered: _Answered) -> str:
    content = (list(answered.claims), answered.words, answered.found.next_cursor or "")
    return base64.urlsafe_b64encode(_CURSOR.dump_json(content)).decode().rstrip("=")


def _unpack(text: str) -> tuple[list[Claim], _Words, str]:
    """The model's part of the first page's reading, to be checked again, what the index knew then, and the
    search's own cursor."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return _CURSOR.validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
    except ValueError:
        message = "cursor is malformed; pass next_cursor as it was answered"
        raise InvalidInput(message, field="cursor") from None
