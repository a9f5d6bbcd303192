"""A Hugging Face tokenizer as the engine wants it."""

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from warung.engine.constraint import Tool
from warung.engine.engine import EngineUnavailable
from warung.engine.request import ChatMessage
from warung.engine.tools import knows_tools, template_messages, template_tools
from warung.errors import InvalidInput


class TransformersTokenizer:
    """Encodes and decodes with the Rust tokenizer underneath, which many threads may use at once; the
    Python one above it is not safe to share. `spellings` are the bytes of every token. It can be pickled."""

    def __init__(self, tokenizer: Any, context_length: int, spellings: Sequence[bytes]) -> None:
        if not tokenizer.chat_template:
            raise EngineUnavailable(
                "this model has no chat template: MODEL_REPO_ID must name a chat (instruct) model"
            )
        self._tokenizer = tokenizer
        self._backend = tokenizer.backend_tokenizer
        self._spellings = spellings
        self.context_length = context_length
        self.knows_tools = knows_tools(str(tokenizer.chat_template))
        self.control_tokens = frozenset[str](tokenizer.all_special_tokens) | set(tokenizer.get_added_vocab())

    def encode(self, text: str) -> list[int]:
        return self._backend.encode(text, add_special_tokens=False).ids

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._backend.decode(list(token_ids), skip_special_tokens=True)

    def token_bytes(self, token_id: int) -> bytes:
        return self._spellings[token_id] if token_id < len(self._spellings) else b""

    def render(self, messages: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> str:
        try:
            return self._tokenizer.apply_chat_template(
                template_messages(messages),
                tools=template_tools(tools) or None,
                tokenize=False,
                add_generation_prompt=True,
            )
        except TemplateError as error:
            raise InvalidInput(
                f"the model's chat template refuses these messages: {error}", field="messages"
            ) from error
