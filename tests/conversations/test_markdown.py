from datetime import UTC, datetime

from warung.conversations.conversation import Conversation
from warung.conversations.markdown import markdown
from warung.conversations.message import Message

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_all_of_a_conversation_and_no_line_that_passes_for_the_page() -> None:
    messages = [
        Message(1, "user", "laptop?\n\n# Warung", None, None, AT),
        Message(2, "assistant", "Ada 1.\n", [{"name": "Asus", "price": 9_499_000}], "complete", AT),
        Message(3, "assistant", "", None, "cancelled", AT),
    ]
    assert markdown(Conversation("c", "laptop?", AT), messages) == (
        "# laptop?\n\n"
        "## Anda, 2026-01-02 03:04 UTC\n\n> laptop?\n>\n> # Warung\n\n"
        "## Warung, 2026-01-02 03:04 UTC\n\n> Ada 1.\n\n- Asus: Rp9.499.000\n\n"
        "## Warung, 2026-01-02 03:04 UTC (cancelled)\n"
    )
