"""Notes for the operator what a question asked for and brought; knows no answer."""

from warung.analytics.recorder import Recorder
from warung.search.request import SearchRequest, SearchResult
from warung.search.understood import Understood


def note(
    recorder: Recorder,
    owner: str,
    question: str,
    *,
    search: SearchRequest,
    understood: Understood,
    found: SearchResult,
) -> None:
    """What had to give way was searched for in vain; a greeting searches for nothing."""
    if understood.is_empty:
        return
    place = understood.place
    recorder.shown(card.id for card in found.cards)
    recorder.searched(
        owner,
        question,
        term=understood.text or understood.category or "",
        understood=search.brief,
        total=0 if found.relaxed else found.total,
        place=place and place.name,
    )
