"""The shop's fixed list of categories and the nouns that name them; knows no product and no query."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, TypeAdapter


@dataclass(frozen=True, slots=True)
class Category:
    """One category: `slug` is stored, `name` shown, `aliases` are lower-case nouns for the thing itself."""

    slug: str
    name: str
    group: str
    aliases: tuple[str, ...]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    group: str
    aliases: tuple[str, ...]


_ENTRIES = TypeAdapter(dict[str, _Entry])


@cache
def load_categories() -> tuple[Category, ...]:
    """The categories in the order of the packaged file. Raises ValueError if that file contradicts itself."""
    text = files("warung.products").joinpath("categories.toml").read_text(encoding="utf-8")
    entries = _ENTRIES.validate_python(tomllib.loads(text))
    categories = tuple(Category(slug, e.name, e.group, e.aliases) for slug, e in entries.items())
    check_categories(categories)
    return categories


def check_categories(categories: Iterable[Category]) -> None:
    """Raise ValueError if a slug repeats, or an alias is not lower case or names two categories."""
    slugs: set[str] = set()
    owner_of: dict[str, str] = {}
    for category in categories:
        if category.slug in slugs:
            raise ValueError(f"category {category.slug!r} is listed twice")
        slugs.add(category.slug)
        for alias in category.aliases:
            if alias != " ".join(alias.lower().split()):
                raise ValueError(f"alias {alias!r} of {category.slug!r} must be lower case, singly spaced")
            if alias in owner_of:
                raise ValueError(f"alias {alias!r} is in both {owner_of[alias]!r} and {category.slug!r}")
            owner_of[alias] = category.slug
