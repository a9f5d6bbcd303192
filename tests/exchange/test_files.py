import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from warung.errors import InvalidInput
from warung.exchange import files


@pytest.mark.parametrize(
    ("name", "format_"), [("a.csv", "csv"), ("a.CSV", "csv"), ("a.jsonl", "jsonl"), ("a.b.ndjson", "jsonl")]
)
def test_a_format_is_known_by_the_name(name: str, format_: str) -> None:
    assert files.format_of(Path(name)) == format_


@pytest.mark.parametrize("name", ["a", "a.xlsx", "csv", ".csv"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"must end in .csv, .jsonl, .ndjson, or --format"):
        files.format_of(Path(name))


def test_a_file_is_written_and_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    files.write(path, [b"a" * 100_000, b"b"])
    with files.reading(path) as file:
        pieces = list(files.pieces_of(file))
    assert b"".join(pieces) == b"a" * 100_000 + b"b"
    assert len(pieces) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_a_file_that_could_not_be_written_whole_replaces_none(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("before")

    def broken() -> Iterator[bytes]:
        yield b"after"
        raise OSError(28, "No space left on device")

    with pytest.raises(InvalidInput, match=r"a\.csv: No space left on device"):
        files.write(path, broken())
    assert path.read_text() == "before"


def test_a_file_that_is_not_there_or_none_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidInput, match=r"no\.csv: No such file or directory"),
        files.reading(tmp_path / "no.csv"),
    ):
        pass
    with pytest.raises(InvalidInput, match="Is a directory"), files.reading(tmp_path):
        pass
    with pytest.raises(InvalidInput, match=r"no/a\.csv: No such file or directory"):
        files.write(tmp_path / "no" / "a.csv", [])


def test_a_pipe_that_nobody_reads_on_is_no_error() -> None:
    code = "import sys; from warung.exchange.files import send; send(sys.stdout.buffer, [b'x' * 9999] * 1000)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
