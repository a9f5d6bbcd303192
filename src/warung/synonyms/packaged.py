"""The groups of synonyms that come with warung; knows no operator and no index."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from warung.synonyms.schemas import SynonymDraft

_GROUPS = TypeAdapter(dict[str, SynonymDraft])


@cache
def load_synonyms() -> Mapping[str, SynonymDraft]:
    """By their slugs, in the order of the packaged file."""
    text = files("warung.synonyms").joinpath("synonyms.toml").read_text(encoding="utf-8")
    return _GROUPS.validate_python(tomllib.loads(text))
