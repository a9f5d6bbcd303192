"""Cuts a model's text into sentences; knows not what they say."""

import re

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+|\n+")


class SentenceSplitter:
    """Cuts streamed text, which begins with `prefix`, into sentences."""

    def __init__(self, prefix: str = "") -> None:
        self._held = prefix

    def feed(self, text: str, *, last: bool = False) -> list[str]:
        """The sentences completed by `text`; with `last` also the one that never ended."""
        self._held += text
        *sentences, self._held = _SENTENCE_END.split(self._held)
        if last:
            sentences.append(self._held)
            self._held = ""
        return [sentence.strip() for sentence in sentences if sentence.strip()]
