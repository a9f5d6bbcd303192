"""Groups of words of one meaning, as values and on the wire; knows no table, no route and no index."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from warung.database.text import one_line


def _plain(phrase: str) -> str:
    """In lower case, with single spaces."""
    if not any(character.isalnum() for character in phrase):
        raise ValueError(f"{phrase!r} has no letter and no digit: write a word")
    return " ".join(phrase.lower().split())


def _each_once(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(phrases))


_Phrase = Annotated[
    str,
    StringConstraints(min_length=1, max_length=60, strip_whitespace=True),
    AfterValidator(one_line),
    AfterValidator(_plain),
]
_Phrases = Annotated[tuple[_Phrase, ...], Field(max_length=30), AfterValidator(_each_once)]


class SynonymDraft(BaseModel):
    """`words` mean the same: who looks for one finds the others. They find `finds` too, but not the reverse.
    Beside a word of `unless`, in the search or in what names a product, the group says nothing, nor while it
    isn't `enabled`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: Annotated[_Phrases, Field(min_length=1)]
    finds: _Phrases = ()
    unless: _Phrases = ()
    enabled: bool = True

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if len(self.words) + len(self.finds) < 2:
            raise ValueError("words needs at least two of one meaning, or finds what the one also finds")
        return self


class SynonymGroup(SynonymDraft):
    """A group by its slug; a `packaged` one came with warung, `changed` when an operator wrote over it."""

    slug: str
    packaged: bool
    changed: bool


class SynonymGroups(BaseModel):
    """All groups by their slugs."""

    items: list[SynonymGroup]
