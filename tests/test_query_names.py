import pytest
from starlette.requests import Request

from warung.errors import InvalidInput
from warung.query_names import only


def asked(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def test_what_is_known_passes() -> None:
    only("dry_run", "format")(asked("dry_run=1"))
    only("dry_run")(asked(""))


def test_a_misspelt_name_is_told_with_the_right_ones() -> None:
    with pytest.raises(InvalidInput, match="no parameter 'dryrun'; there are dry_run, format") as refused:
        only("dry_run", "format")(asked("format=csv&dryrun=1"))
    assert refused.value.field == "dryrun"
