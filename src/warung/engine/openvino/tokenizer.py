"""The tokenizer that comes with an OpenVINO model, as the engine wants it."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

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

    def encode(self, text: str) -> list[int]:
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        return [int(token) for token in encoded.input_ids.data[0]]

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(token_ids)) if token_ids else ""

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
