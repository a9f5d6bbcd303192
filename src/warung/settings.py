"""What an operator can set, read once from the environment and `.env`; everything else is handed values."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from warung.errors import InvalidInput

WordList = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting, under its plain environment name."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: int = Field(3000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto",
        description="Log lines for people or for machines; auto decides by whether stderr is a terminal.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe log line that is written."
    )
    data_dir: Path = Field(Path("data"), description="Folder of the database and the search index.")
    database_url: str | None = Field(
        None,
        repr=False,
        description="SQLAlchemy URL of the database; default: SQLite, warung.db in DATA_DIR.",
    )

    database_connections: int = Field(
        20, ge=1, le=1000, description="Connections to PostgreSQL at a time, of each process."
    )
    engine: Literal["auto", "upstream", "transformers", "openvino", "scripted"] = Field(
        "auto",
        description="What runs the model. auto: upstream if UPSTREAM_URL is set; else openvino for a .gguf"
        " file or an OpenVINO folder on a machine without a GPU, when it is installed; else transformers."
        " scripted repeats the question (dry runs).",
    )
    model_repo_id: str = Field(
        "unsloth/Qwen3-4B-Instruct-2507",
        description="The model: a hub id, a .gguf file on the hub (owner/model/file.gguf), a local folder or"
        " a local .gguf file; with upstream, its name on the servers.",
    )
    upstream_url: WordList = Field(
        (),
        description="OpenAI-compatible servers that all run the model (vLLM, SGLang, Ray Serve, another"
        " warung, …), separated by commas: http://gpu1:8000,http://gpu2:8000.",
    )
    upstream_key: SecretStr | None = Field(None, description="The key that opens the UPSTREAM_URL servers.")
    hf_token: SecretStr | None = Field(None, description="Token for gated or private models on the hub.")
    device_map: str = Field(
        "auto", description="Where Transformers puts the model: auto, cpu, cuda, cuda:1, …"
    )
    torch_dtype: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="Number type of the weights in Transformers; auto keeps the model's own."
    )
    kv_cache_bytes: int | None = Field(
        None,
        ge=2**24,
        description="Size of the model's KV cache, with OpenVINO in whole GiB; default: 1 GiB of memory, or"
        " half of what a GPU has left beside the model.",
    )
    share_prefixes: bool = Field(
        True,
        description="Compute equal beginnings of prompts once for all callers. 0 keeps callers apart, so that"
        " nobody can learn from the time an answer takes what others asked.",
    )
    batch_invariant: bool = Field(
        True,
        description="With OpenVINO, let a greedy answer depend on its request alone. 0 quantises activations:"
        " up to 1.6 times as quick, but the answer also depends on what is asked beside it, and one with"
        " penalties or a format may end as interrupted when another server takes it over.",
    )
    trust_remote_code: bool = Field(
        False, description="Run Python code that comes with the model. Dangerous."
    )
    load_model_at_start: bool = Field(
        False, description="Load the model at once, in the background; else at the first request."
    )
    max_requests: int = Field(
        64, ge=1, le=4096, description="Requests the engine accepts at a time; beyond it the answer is 429."
    )
    max_tokens: int = Field(
        256, ge=1, description="Length limit of an answer, in tokens, where the request sets none."
    )
    temperature: float = Field(
        0.7, ge=0, le=2, description="Temperature of a /v1 request that sets none; the assistant has its own."
    )

    persist_sessions: bool = Field(
        False,
        description="Keep streams in SESSIONS_DB_PATH: they survive the end of the process, however it comes,"
        " and go on when it runs again. Else they are kept in memory.",
    )
    sessions_db_path: Path = Field(
        Path("sessions.db"), description="The SQLite file of the streams, for all processes of this machine."
    )
    sessions_synchronous: Literal["NORMAL", "FULL"] = Field(
        "NORMAL",
        description="NORMAL: a power cut may take the streams' last moments. FULL: it takes nothing, and"
        " every step waits for the disk.",
    )
    redis_url: str | None = Field(
        None,
        repr=False,
        description="Keep streams in this Redis, shared by replicas: redis://host:6379/0. Goes before"
        " PERSIST_SESSIONS.",
    )
    lease_seconds: float = Field(
        5,
        ge=0.5,
        description="How long a server may be silent before another takes its streams over; the same for all"
        " that share a store.",
    )
    stop_within_seconds: float = Field(
        10,
        ge=0,
        description="How long running streams may come to their end after SIGTERM, before they are left to be"
        " taken over, or, in memory, ended.",
    )
    sessions_ttl_seconds: float = Field(600, gt=0, description="How long an ended stream can be replayed.")
    session_events: int = Field(2048, ge=64, description="Latest events kept of each stream.")
    keep_alive_seconds: float = Field(
        10,
        gt=0,
        le=15,
        description="How often a stream with nothing to say sends a comment, so that no proxy and no client"
        " takes its connection for dead.",
    )
    cancel_after_disconnect_seconds: float = Field(
        3600, ge=0, description="A stream whose last reader left is cancelled after this time; 0 = never."
    )

    api_keys: WordList = Field(
        (),
        repr=False,
        description="Keys that open /v1, separated by commas; without any, /v1 is open to all.",
    )
    guests_enabled: bool = Field(
        True, description="Whether shoppers without an account may ask the assistant."
    )
    guest_requests_per_minute: int = Field(
        30, ge=1, description="Questions one guest address may ask in a minute."
    )
    user_requests_per_minute: int = Field(60, ge=1, description="Questions one account may ask in a minute.")
    reading_within_seconds: float = Field(
        3,
        ge=0,
        le=60,
        description="How long the model may take to help read a search in doubt; with 0 it is never asked.",
    )
    ai_access_for_new_accounts: bool = Field(
        True,
        description="Whether a new account may ask the assistant at once; else when an operator says so.",
    )
    access_token_seconds: int = Field(
        900, ge=30, le=86_400, description="How long an access token is good before it has to be refreshed."
    )
    refresh_token_seconds: int = Field(
        30 * 24 * 3600,
        ge=60,
        description="How long a sign-in lasts after it was last refreshed.",
    )
    logins_per_minute: int = Field(
        10, ge=1, description="Sign-ins that may be tried in a minute from one address, and for one e-mail."
    )
    registrations_per_minute: int = Field(
        5, ge=1, description="Accounts, and stalls, that one address may register in a minute."
    )
    analytics_days: int = Field(
        90, ge=1, le=3650, description="Days for which searches, views of products and tokens are kept."
    )
    rank_nearness: float = Field(
        0.25,
        ge=0,
        le=10,
        description="What being next door adds to a match's score, as a part of it; half of that 25 km away."
        " Of all RANK_ settings 0 adds nothing.",
    )
    rank_stock: float = Field(0.5, ge=0, le=10, description="What being in stock adds to a match's score.")
    rank_price_fit: float = Field(
        0.1,
        ge=0,
        le=10,
        description="What a price just within the shopper's budget adds to a match's score; a half at half of"
        " it.",
    )
    rank_freshness: float = Field(
        0.05,
        ge=0,
        le=10,
        description="What a change of today adds to a match's score; a half after 30 days.",
    )
    max_body_bytes: int = Field(2_000_000, ge=1024, description="Size limit of a request's body.")
    max_import_bytes: int = Field(
        200_000_000, ge=1024, description="Size limit of a file of products that a supplier sends."
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        description="Where the shop is for everybody, such as https://toko.id: how links in feeds begin;"
        " default: where the request came to.",
    )
    cors_origins: WordList = Field(
        (), description="Origins of other sites whose pages may call this server, separated by commas."
    )

    @field_validator("api_keys", "cors_origins", "upstream_url", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(word for word in value.replace(",", " ").split()) if isinstance(value, str) else value

    @property
    def database(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'warung.db').absolute()}"


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment and `.env`, `overrides` first.

    Raises InvalidInput with one line that names the setting.
    """
    try:
        return Settings(**overrides)  # pyright: ignore[reportArgumentType]  Pydantic checks the values
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        raise InvalidInput(f"{name}={first['input']!r}: {first['msg']}", field=name) from None
