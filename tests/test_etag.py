import pytest

from warung.errors import PreconditionFailed
from warung.etag import etag, require_match


@pytest.mark.parametrize(
    "lines", [None, ["*"], ['"3"'], ['"1", "3"'], ['"1"', '"3"'], ['W/"3", "3"'], ['"a,b","3"']]
)
def test_a_line_that_names_the_version_lets_the_change_through(lines: list[str] | None) -> None:
    require_match(lines, 3)


@pytest.mark.parametrize("lines", [[""], ['"1"'], ["3"], ['W/"3"'], ['"33"'], ['*, "1"']])
def test_any_other_line_stops_it(lines: list[str]) -> None:
    with pytest.raises(PreconditionFailed, match="at version 3 now"):
        require_match(lines, 3)


def test_a_tag_is_strong() -> None:
    assert etag(3) == '"3"'
