from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from warung.errors import InvalidInput
from warung.openai_api.extras import refuse_extras


class Asked(BaseModel):
    model_config = ConfigDict(extra="allow")

    known: int = 0


NEUTRAL: dict[str, tuple[Any, ...]] = {"colour": (None, [])}


@pytest.mark.parametrize("fields", [{}, {"known": 5}, {"colour": None}, {"colour": []}])
def test_what_asks_for_nothing_passes(fields: dict[str, Any]) -> None:
    asked = Asked.model_validate(fields)
    refuse_extras(asked, NEUTRAL, "")
    assert asked.known == fields.get("known", 0)


@pytest.mark.parametrize(
    ("fields", "where", "field", "code"),
    [
        ({"colour": "red"}, "", "colour", "unsupported_field"),
        ({"colour": "red"}, "messages.1", "messages.1.colour", "unsupported_field"),
        ({"color": None}, "", "color", "unknown_field"),
        ({"color": 1}, "messages.0", "messages.0.color", "unknown_field"),
        ({"colour": None, "first": 1, "second": 1}, "", "first", "unknown_field"),
    ],
)
def test_the_first_field_that_asks_for_something_is_named(
    fields: dict[str, Any], where: str, field: str, code: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^{field} is not ") as refusal:
        refuse_extras(Asked.model_validate(fields), NEUTRAL, where)
    assert (refusal.value.field, refusal.value.code) == (field, code)
