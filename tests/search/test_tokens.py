from hypothesis import given
from hypothesis import strategies as st

from warung.search.tokens import split, split_words


def test_a_grouped_number_is_one_token_where_it_stands() -> None:
    text = "Powerbank 1.500.000 & 10,000mAh, 1,5 A"
    assert [(token.text, text[token.start : token.end]) for token in split(text)] == [
        ("powerbank", "Powerbank"), ("1500000", "1.500.000"), ("10000mah", "10,000mAh"),
        ("1", "1"), ("5", "5"), ("a", "A"),
    ]  # fmt: skip


@given(st.lists(st.sampled_from(["10.000", "1,500", "7", "mAh", " ", ". ", "é", "\U0001f44d", "Ab", ".5"])))
def test_tokens_stand_in_their_order_as_the_words_do(pieces: list[str]) -> None:
    text = "".join(pieces)
    tokens = split(text)
    assert [token.text for token in tokens] == split_words(text)
    ends = [0, *(token.end for token in tokens)]
    assert all(end <= token.start < token.end <= len(text) for end, token in zip(ends, tokens, strict=False))
    for token in tokens:
        assert split_words(text[token.start : token.end]) == [token.text]
