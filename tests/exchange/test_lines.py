import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.made import in_pieces
from warung.exchange.lines import split_lines
from warung.exchange.row import MAX_ROW_BYTES


@given(
    data=st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"ab", b"\x85"])).map(b"".join),
    size=st.integers(1, 9),
)
def test_lines_don_t_depend_on_the_pieces(data: bytes, size: int) -> None:
    lines = [line for line in split_lines(in_pieces(data, size)) if line is not None]
    assert b"".join(lines) == data
    assert all(line.endswith(b"\n") for line in lines[:-1])
    assert all(line.count(b"\n") <= 1 for line in lines)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_byte_order_mark_is_left_out_once(size: int) -> None:
    mark = b"\xef\xbb\xbf"
    assert list(split_lines(in_pieces(mark + b"a\n" + mark + b"b", size))) == [b"a\n", mark + b"b"]


@pytest.mark.parametrize("size", [10_000, 2**20])
def test_a_line_that_is_too_long_is_passed_over(size: int) -> None:
    longest, longer = b"x" * (MAX_ROW_BYTES - 1), b"y" * MAX_ROW_BYTES
    data = b"a\n" + longer * 3 + b"\n" + longest + b"\n" + longer + b"\nb\n" + longer
    assert list(split_lines(in_pieces(data, size))) == [b"a\n", None, longest + b"\n", None, b"b\n", None]
