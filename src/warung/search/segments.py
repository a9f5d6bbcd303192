"""Finds damaged files of an index before they are read; knows no field and no query."""

import json
from pathlib import Path
from zlib import crc32

_MAGIC = 1337
_FOOTER_TAIL_BYTES = 8
_CHUNK_BYTES = 1 << 20


def check_segments(folder: Path) -> None:
    """Compare every file of the index with the checksum at its end. Raises ValueError naming a bad one.

    tantivy ends each file with a JSON footer, its length and a magic number, both as 32-bit
    little-endian; it writes the checksum there and never reads it back on opening.
    """
    for path in sorted(_listed(folder)):
        if not path.exists():
            continue  # not every kind of file exists for every segment; opening finds what lacks
        if not _is_whole(path):
            raise ValueError(f"{path.name} is damaged")


def _listed(folder: Path) -> list[Path]:
    segments = json.loads((folder / "meta.json").read_bytes())["segments"]
    names = {segment["segment_id"].replace("-", "") for segment in segments}
    return [path for path in folder.iterdir() if path.name.split(".")[0] in names]


def _is_whole(path: Path) -> bool:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size < _FOOTER_TAIL_BYTES:
            return False
        file.seek(size - _FOOTER_TAIL_BYTES)
        length, magic = (int.from_bytes(file.read(4), "little") for _ in range(2))
        body = size - _FOOTER_TAIL_BYTES - length
        if magic != _MAGIC or body < 0:
            return False
        file.seek(body)
        footer = json.loads(file.read(length))
        file.seek(0)
        checksum = 0
        while body > 0 and (chunk := file.read(min(_CHUNK_BYTES, body))):
            checksum = crc32(chunk, checksum)
            body -= len(chunk)
    return checksum == footer["crc"]
