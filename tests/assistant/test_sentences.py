from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from warung.assistant.sentences import SentenceSplitter


@given(st.text(st.sampled_from("ab.!?\n 1,"), max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_sentences_do_not_depend_on_how_the_text_arrives(text: str, cuts: list[int]) -> None:
    bounds = sorted({0, len(text), *(cut for cut in cuts if cut <= len(text))})
    splitter, got = SentenceSplitter(), list[str]()
    for start, end in pairwise(bounds):
        got += splitter.feed(text[start:end])
    got += splitter.feed("", last=True)
    assert got == SentenceSplitter().feed(text, last=True)


def test_the_prefix_belongs_to_the_first_sentence() -> None:
    assert SentenceSplitter("- [").feed("1] bagus. [2", last=True) == ["- [1] bagus.", "[2"]
