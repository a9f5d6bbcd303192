import pytest

pytest.register_assert_rewrite("streams.conformance")
