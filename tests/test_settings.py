from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from warung.errors import InvalidInput
from warung.settings import Settings, load_settings

DEFAULTS: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 3000,
    "model_repo_id": "unsloth/Qwen3-4B-Instruct-2507",
    "hf_token": None,
    "max_tokens": 256,
    "temperature": 0.7,
    "device_map": "auto",
    "torch_dtype": "auto",
    "persist_sessions": False,
    "sessions_db_path": Path("sessions.db"),
    "sessions_synchronous": "NORMAL",
    "redis_url": None,
    "lease_seconds": 5,
    "stop_within_seconds": 10,
    "sessions_ttl_seconds": 600,
    "session_events": 2048,
    "cancel_after_disconnect_seconds": 3600,
    "trust_remote_code": False,
    "data_dir": Path("data"),
    "database_url": None,
    "engine": "auto",
    "upstream_url": (),
    "upstream_key": None,
    "api_keys": (),
    "cors_origins": (),
    "guests_enabled": True,
    "load_model_at_start": False,
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting in the environment, no .env in the folder."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_default(name: str) -> None:
    assert getattr(load_settings(), name) == DEFAULTS[name]


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "0", 0),
        ("TEMPERATURE", "0", 0.0),
        ("TRUST_REMOTE_CODE", "1", True),
        ("CANCEL_AFTER_DISCONNECT_SECONDS", "0", 0.0),
        ("DATA_DIR", "/srv/warung", Path("/srv/warung")),
        ("ENGINE", "openvino", "openvino"),
        ("ENGINE", "upstream", "upstream"),
        ("UPSTREAM_URL", "http://a:1, http://b:2/v1 http://c", ("http://a:1", "http://b:2/v1", "http://c")),
        ("UPSTREAM_URL", "", ()),
        ("API_KEYS", "one", ("one",)),
        ("API_KEYS", " one, two,,three four ", ("one", "two", "three", "four")),
        ("API_KEYS", "", ()),
        ("CORS_ORIGINS", "https://a.id,https://b.id", ("https://a.id", "https://b.id")),
    ],
)
def test_the_environment_is_read(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: object
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(), name.lower()) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "70000"),
        ("PORT", ""),
        ("MAX_TOKENS", "0"),
        ("TEMPERATURE", "2.5"),
        ("TEMPERATURE", "nan"),
        ("ENGINE", "llama"),
        ("TORCH_DTYPE", "int4"),
        ("TRUST_REMOTE_CODE", "perhaps"),
        ("SESSIONS_TTL_SECONDS", "0"),
        ("SESSION_EVENTS", "10"),
        ("PERSIST_SESSIONS", "maybe"),
        ("SESSIONS_SYNCHRONOUS", "OFF"),
        ("LEASE_SECONDS", "0.1"),
        ("STOP_WITHIN_SECONDS", "-1"),
        ("CANCEL_AFTER_DISCONNECT_SECONDS", "-1"),
        ("MAX_REQUESTS", "0"),
        ("LOG_LEVEL", "loud"),
        ("MAX_BODY_BYTES", "2MB"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as refusal:
        load_settings()
    assert refusal.value.field == name
    assert refusal.value.message.startswith(f"{name}={value!r}: ")
    assert "\n" not in refusal.value.message


def test_the_file_is_read_the_environment_wins_and_overrides_win_over_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = "# a comment\nPORT=4000\nMAX_TOKENS=99\nHOST='0.0.0.0'\nSOMETHING_ELSE=1\n"
    (tmp_path / ".env").write_text(lines)
    monkeypatch.setenv("MAX_TOKENS", "77")
    settings = load_settings(host="127.0.0.9")
    assert (settings.port, settings.max_tokens, settings.host) == (4000, 77, "127.0.0.9")
    assert {"port", "max_tokens", "host"} == settings.model_fields_set


def test_a_wrong_value_in_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=drei\n")
    with pytest.raises(InvalidInput, match=r"^PORT='drei'"):
        load_settings()


def test_nothing_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "rahasia-1")
    monkeypatch.setenv("API_KEYS", "rahasia-2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://budi:rahasia-3@db/warung")
    monkeypatch.setenv("UPSTREAM_KEY", "rahasia-4")
    monkeypatch.setenv("REDIS_URL", "redis://:rahasia-5@cache/0")
    settings = load_settings()
    assert "rahasia" not in repr(settings) + str(settings)
    assert settings.hf_token is not None
    assert settings.hf_token.get_secret_value() == "rahasia-1"
    assert settings.upstream_key is not None
    assert settings.upstream_key.get_secret_value() == "rahasia-4"


def test_the_database_is_a_file_in_the_data_folder_or_what_the_url_says(tmp_path: Path) -> None:
    assert load_settings().database == f"sqlite:///{tmp_path}/data/warung.db"
    assert load_settings(data_dir=Path("/srv")).database == "sqlite:////srv/warung.db"
    assert load_settings(database_url="postgresql://db/w").database == "postgresql://db/w"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().port = 4000  # pyright: ignore[reportAttributeAccessIssue]  it is what is tested
