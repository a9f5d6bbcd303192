import pytest

from warung.completions.idempotency import is_of_key, session_of
from warung.streams.sse import check_session_id


def test_every_owner_and_key_have_a_session_of_their_own_always_the_same() -> None:
    pairs = [("ani", "1"), ("ani", "11"), ("ani1", "1"), ("budi", "1"), ("ani", "1 "), ("ani", '"1"')]
    sessions = [session_of(owner, key) for owner, key in pairs]
    assert len(set(sessions)) == len(pairs)
    assert sessions == [session_of(owner, key) for owner, key in pairs]
    assert all(is_of_key(check_session_id(session_id)) for session_id in sessions)


@pytest.mark.parametrize("session_id", ["key-of-mine", "key-" + "0" * 63, "key-" + "G" * 64, "0" * 68])
def test_a_session_with_a_name_like_it_is_no_keys(session_id: str) -> None:
    assert not is_of_key(session_id)
