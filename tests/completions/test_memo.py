from engine.told import event
from warung.completions.memo import MemoWriter, Past, pieces
from warung.engine.begun import Begun
from warung.engine.request import FinishReason, TokenEvent, Usage

STOP = FinishReason.STOP


def begun_by(*events: TokenEvent) -> Begun:
    begun = Begun()
    for one in events:
        begun.add(one)
    return begun


def test_what_was_noted_is_remembered_choice_by_choice() -> None:
    writer = MemoWriter()
    told = {0: [event("Ha", 1), event("", 2), event("lo 🙂", 3)], 1: [event("Ya", 1), event(".", 2, STOP)]}
    lines: list[str] = []
    for choice, number in [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1)]:
        writer.add(choice, told[choice][number])
        if number != 1 or choice:  # an event without text waits for the next line
            lines.append(writer.line())
    past = Past.of(lines, 3)
    assert past.choices == [begun_by(*told[0]), begun_by(*told[1]), Begun()]
    assert past.choices[0].tokens == [1, 2, 3]
    assert past.choices[1].finish_reason is STOP


def test_the_version_is_noted_once_it_is_known_and_only_once() -> None:
    writer = MemoWriter()
    first = writer.line()
    writer.version = "weights-1"
    lines = [writer.line(), writer.line()]
    assert [Past.of([first]).version, Past.of([first, *lines]).version] == ["", "weights-1"]
    assert ["weights-1" in line for line in lines] == [True, False]


def test_every_line_brings_its_producers_own_keys_and_its_piece_of_the_text() -> None:
    writer = MemoWriter()
    writer.add(0, event("Halo", 1))
    lines = [writer.line(said="Halo!\n"), writer.line(said="")]
    past = Past.of(lines)
    assert [line["said"] for line in past.lines] == ["Halo!\n", ""]
    assert [pieces(line) for line in past.lines] == [[event("Halo", 1)], []]
    assert pieces(past.lines[0], choice=1) == []


def test_a_line_is_one_line() -> None:
    writer = MemoWriter()
    writer.add(0, TokenEvent((5, 6), "a\nb\u2028", Usage(1, 2)))
    assert "\n" not in writer.line()
