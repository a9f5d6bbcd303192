"""A pattern's grammar lets through what the pattern matches as a whole, and nothing else."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.openvino.random_model import RandomModel
from warung.engine.constraint import Regex
from warung.engine.openvino.grammar import structured_output
from warung.errors import InvalidInput

ATOMS = [
    "a", "é", "漢", "😀", '"', r"\\", " ", ".", r"\d", r"\W", r"\S", r"\.", r"\-", r"\n", r"\x41", r"\u00e9",
    "[a-c]", "[^a-c]", r"[^\d\s]", r"[\]^-]", r"[\^a]", "[^-~]", "[ᄀ-힣]", "[\u07ff-\u1234]",
    "[\ud7ff-\ue001]",     "[^\U00010000-\U0010ffff]",
]  # fmt: skip


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.sampled_from(["({})", "(?:{})"])
    repeat = st.sampled_from(["*", "+?", "?", "{2}", "{0,3}", "{1,}", "{0}"])
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, group, repeat).map(lambda parts: parts[1].format(parts[0]) + parts[2]),
    )


PATTERNS = st.recursive(st.sampled_from(ATOMS), _combined, max_leaves=6)


@given(pattern=PATTERNS, anchors=st.booleans())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_answers_match_the_pattern(random_model: RandomModel, pattern: str, anchors: bool) -> None:
    asked = f"^{pattern}$" if anchors else pattern
    answers = random_model.answers(Regex(asked), max_tokens=60)
    assert [text for text, ended in answers if ended and not re.fullmatch(pattern, text, re.ASCII)] == []


@pytest.mark.parametrize("pattern", [*ATOMS, "(a|)b", "^a|b$", "", "(ab?){0,99}", "([ab]{4}){0,99}"])
def test_answers_come_to_their_end(random_model: RandomModel, pattern: str) -> None:
    answers = random_model.answers(Regex(pattern), max_tokens=90)
    assert [ended for _, ended in answers] == [True] * 4
    assert all(re.fullmatch(pattern, text, re.ASCII) for text, _ in answers)


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("([", "a set without its end"),
        ("(a", "a group without its end"),
        ("a)", "a closing bracket"),
        ("a|*", "'*' here"),
        ("a++", "a repetition"),
        ("a{,3}", "a repetition"),
        ("a{3,2}", "at least 3 and at most 2"),
        ("a{3000}", "repetitions"),
        ("([a-z]{1,8}){0,60}", "within each other"),
        ("([a-z]{1,8}){60}", "within each other"),
        ("(b|(a{1,1000})+){1,1000}", "within each other"),
        ("[]", "an empty set"),
        ("[z-a]", "a range"),
        (r"[a-\d]", "a range"),
        ("[[:alpha:]]", "one within another"),
        (r"a\b", "an escape"),
        (r"(a)\1", "an escape"),
        (r"\p{L}", "an escape"),
        (r"\ud800", "surrogate"),
        ("a^b", "'^' here"),
        ("a$b", "'$' before the end"),
        ("(a$)", "'$' here"),
        ("(?!a)b", "looks around"),
        ("(?i:a)", "sets flags"),
        ("(?P<name>a)", "has a name"),
        ("(" * 60 + "a" + ")" * 60, "within each other"),
    ],
)
def test_what_would_not_be_enforced_is_refused_by_name(pattern: str, named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        structured_output(Regex(pattern))
    assert caught.value.field == "structured_outputs"
    assert named in caught.value.message
