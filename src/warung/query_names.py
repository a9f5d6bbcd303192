"""Refuses query parameters that a route doesn't know: a misspelt one must not pass for none."""

from collections.abc import Callable

from starlette.requests import Request

from warung.errors import InvalidInput


def only(*names: str) -> Callable[[Request], None]:
    """A dependency of a route that has just these parameters; it raises InvalidInput."""

    def check(request: Request) -> None:
        for name in request.query_params:
            if name not in names:
                raise InvalidInput(
                    f"there is no parameter {name[:60]!r}; there are {', '.join(names)}", field=name[:60]
                )

    return check
