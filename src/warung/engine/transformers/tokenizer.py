"""A Hugging Face tokenizer as the engine wants it."""

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from warung.engine.engine import EngineUnavailable
from warung.engine.request import ChatMessage
from warung.errors import InvalidInput


class TransformersTokenizer:
    """Encodes and decodes with the Rust tokenizer underneath, which many threads may use at once; the
    Python one above it is not safe to share."""

    def __init__(self, tokenizer: Any, context_length: int) -> None:
        if not tokenizer.chat_template:
            raise EngineUnavailable(
                "this model has no chat template: MODEL_REPO_ID must name a chat (instruct) model"
            )
        self._tokenizer = tokenizer
        self._backend = tokenizer.backend_tokenizer
        self.context_length = context_length
        self.control_tokens = frozenset[str](tokenizer.all_special_tokens) | set(tokenizer.get_added_vocab())

    def encode(self, text: str) -> list[int]:
        return self._backend.encode(text, add_special_tokens=False).ids

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._backend.decode(list(token_ids), skip_special_tokens=True)

    def render(self, messages: Sequence[ChatMessage]) -> str:
        history = [{"role": m.role, "content": m.content} for m in messages]
        try:
            return self._tokenizer.apply_chat_template(history, tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            raise InvalidInput(
                f"the model's chat template refuses these messages: {error}", field="messages"
            ) from error
