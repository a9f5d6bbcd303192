"""The physical lines of a file that comes in pieces; knows neither what they hold nor their encoding."""

from collections.abc import Iterable, Iterator

from warung.exchange.row import MAX_ROW_BYTES

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def split_lines(pieces: Iterable[bytes]) -> Iterator[bytes | None]:
    """Each line with its end, None for one longer than MAX_ROW_BYTES; holds no more than that and a piece.

    A byte order mark of UTF-8 is left out.
    """
    first = True
    for line in _split(pieces):
        yield line.removeprefix(_BYTE_ORDER_MARK) if first and line else line
        first = False


def _split(pieces: Iterable[bytes]) -> Iterator[bytes | None]:
    held = bytearray()
    for piece in pieces:
        *ended, rest = piece.split(b"\n")
        for end in ended:
            held += end
            yield None if len(held) >= MAX_ROW_BYTES else bytes(held) + b"\n"
            held.clear()
        held += rest
        del held[MAX_ROW_BYTES:]
    if held:
        yield None if len(held) >= MAX_ROW_BYTES else bytes(held)
