"""The tokenizer that comes with an OpenVINO model, as the engine wants it."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import random
from collections.abc import Sequence

import openvino_genai

from warung.engine.constraint import Tool
from warung.engine.loader import ModelSource
from warung.engine.openvino.files import UNREADABLE, context_length, require_whole, unreadable
from warung.engine.request import ChatMessage
from warung.engine.text import control_tokens_in
from warung.engine.tools import knows_tools, template_messages, template_tools
from warung.engine.weights import fetch
from warung.errors import InvalidInput


def load_tokenizer(source: ModelSource, hub_token: str | None) -> "OpenVinoTokenizer":
    """The tokenizer alone, without the model. Raises EngineUnavailable."""
    path = fetch(source, token=hub_token)
    require_whole(path)
    try:
        limit = context_length(path)
        return OpenVinoTokenizer(openvino_genai.Tokenizer(path), limit)
    except UNREADABLE as error:
        raise unreadable(source.name, error) from error


_TRIED = 200  # texts of so many tokens
_TRIED_TOKENS = 6


class OpenVinoTokenizer:
    """The tokenizer inside the model's own file or folder."""

    def __init__(self, tokenizer: openvino_genai.Tokenizer, context_length: int) -> None:
        self._tokenizer = tokenizer
        # The tokenizer cuts a long text off at its own limit without a word: no prompt may be longer.
        self.context_length = min(context_length, len(self.encode("a " * (context_length + 1))))
        self._entries = {number: entry for entry, number in tokenizer.get_vocab().items()}
        self.control_tokens = control_tokens_in(
            entry.decode("utf-8", "replace") for entry in self._entries.values()
        )
        self.knows_tools = knows_tools(tokenizer.chat_template)
        self._spellings = self._shown_entries()
        self._is_bytewise = self._decodes_bytewise()

    def encode(self, text: str) -> list[int]:
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        return [int(token) for token in encoded.input_ids.data[0]]

    def decode(self, token_ids: Sequence[int]) -> str:
        if self._is_bytewise:
            return b"".join([self._spellings.get(token, b"") for token in token_ids]).decode(
                "utf-8", "replace"
            )
        return self._tokenizer.decode(list(token_ids)) if token_ids else ""

    def _shown_entries(self) -> dict[int, bytes]:
        """Those of the vocabulary that stand for text."""
        looks_silent = [
            number
            for number, entry in self._entries.items()
            if entry.decode("utf-8", "replace") in self.control_tokens
        ]
        silent = {number for number in looks_silent if not self._tokenizer.decode([number])}
        return {number: entry for number, entry in self._entries.items() if number not in silent}

    def _decodes_bytewise(self) -> bool:
        """Whether a text is its tokens' bytes one after the other. OpenVINO's own way of decoding is a model
        of its own, which takes 50 times as long: with 16 answers a tenth of every step."""
        chance = random.Random(0)
        numbers = sorted(self._entries)
        for _ in range(_TRIED):
            tokens = chance.choices(numbers, k=_TRIED_TOKENS)
            spelled = b"".join(self._spellings.get(token, b"") for token in tokens)
            try:
                text = spelled.decode()
            except UnicodeDecodeError:  # half a character, which OpenVINO leaves out
                continue
            if self._tokenizer.decode(tokens) != text:
                return False
        return True

    def token_bytes(self, token_id: int) -> bytes:
        return self._entries.get(token_id, b"")

    def render(self, messages: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> str:
        try:
            return self._tokenizer.apply_chat_template(
                template_messages(messages), add_generation_prompt=True, tools=template_tools(tools) or None
            )
        except RuntimeError as error:
            raise InvalidInput(
                f"the model's chat template refuses these messages: {error}", field="messages"
            ) from error
