"""What a telephone number may look like; knows no account."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

_FORM = r"^[+0-9][0-9 ()-]{5,29}$"


def _telephone(number: str) -> str:
    if not re.match(_FORM, number):
        raise ValueError(
            "a telephone number has 6 to 30 digits, spaces, hyphens and brackets, with or without a + before"
            " them, such as +62 812-3456-7890"
        )
    return number


PhoneNumber = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    AfterValidator(_telephone),
    Field(examples=["+62 812-3456-7890"], json_schema_extra={"pattern": _FORM}),
]
