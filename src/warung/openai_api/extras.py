"""Fields that a request carries and the schemas don't know: harmless when neutral, else refused by name."""

from typing import Any

from pydantic import BaseModel

from warung.errors import InvalidInput


def refuse_extras(model: BaseModel, neutral: dict[str, tuple[Any, ...]], where: str) -> None:
    """`neutral` has the values of known fields that ask for nothing; `where` is the place in the body.

    Raises InvalidInput naming the first other field.
    """
    for name, value in (model.model_extra or {}).items():
        field = f"{where}.{name}".lstrip(".")
        if name not in neutral:
            raise InvalidInput(f"{field} is not a field of this API", field=field, code="unknown_field")
        if value not in neutral[name]:
            raise InvalidInput(
                f"{field} is not supported by this server; leave it out",
                field=field,
                code="unsupported_field",
            )
