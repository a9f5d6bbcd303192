"""A whole conversation as Markdown, for its owner to keep; knows no table and no route."""

from collections.abc import Sequence
from datetime import datetime

from warung.conversations.conversation import Conversation
from warung.conversations.message import Message


def markdown(conversation: Conversation, messages: Sequence[Message]) -> str:
    parts = [f"# {conversation.title}", *(_section(message) for message in messages)]
    return "\n\n".join(parts) + "\n"


def _section(message: Message) -> str:
    who = "Anda" if message.role == "user" else "Warung"
    ending = "" if message.status in {None, "complete"} else f" ({message.status})"
    heading = f"## {who}, {_minute(message.created_at)}{ending}"
    # Quoted, so that no line of it passes for one of this page.
    quoted = "\n".join(f"> {line}".rstrip() for line in message.content.strip().splitlines())
    products = "\n".join(
        f"- {card['name']}: Rp{card['price']:,}".replace(",", ".") for card in message.products or ()
    )
    return "\n\n".join(part for part in (heading, quoted, products) if part)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
