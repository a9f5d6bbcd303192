"""The questions: alike in length, unlike from their beginning."""

from itertools import islice

from benchmarks.prompts import long_text, stories


def test_no_two_stories_begin_alike() -> None:
    beginnings = {question[0]["content"][:6] for question in islice(stories(), 1000)}
    assert len(beginnings) == 1000


def test_skipped_stories_are_the_later_ones() -> None:
    assert next(stories(skip=3)) == list(islice(stories(), 4))[3]


def test_long_texts_differ_early_and_have_about_the_length_asked_for() -> None:
    texts = [long_text(number, tokens=1000) for number in range(3)]
    assert len({text[:30] for text in texts}) == 3
    assert {len(text.split()) for text in texts} == {625}
