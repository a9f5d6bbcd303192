"""What stands between a caller's grammar and the pipeline that serves everybody."""

import pytest

from warung.engine.constraint import Regex, ToolCalls
from warung.engine.openvino.probe import GrammarProbe
from warung.errors import InvalidInput

FINE = Regex("[a-z]{3}")
NO_TOOLS = ToolCalls((), required=True)  # its grammar has no way to begin


@pytest.fixture(scope="module")
def probe() -> GrammarProbe:
    return GrammarProbe()


def test_a_grammar_that_the_engine_cannot_compile_is_refused_by_name(probe: GrammarProbe) -> None:
    with pytest.raises(InvalidInput) as caught:
        probe.require(NO_TOOLS)
    assert caught.value.field == "tools"
    assert "tools can't be followed by the model: " in caught.value.message
    assert ".cc" not in caught.value.message
    assert ".cpp" not in caught.value.message


def test_it_goes_on_after_a_refusal(probe: GrammarProbe) -> None:
    for _ in range(2):
        with pytest.raises(InvalidInput):
            probe.require(NO_TOOLS)
        probe.require(FINE)
        probe.require(Regex("[0-9]+"))


def test_it_tries_more_constraints_than_it_remembers(probe: GrammarProbe) -> None:
    for number in range(300):
        probe.require(Regex(f"a{number}"))
    probe.require(FINE)
