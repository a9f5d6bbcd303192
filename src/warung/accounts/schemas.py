"""What accounts send and are shown; knows no table."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from warung.accounts.passwords import MAX_CHARACTERS, MIN_CHARACTERS
from warung.accounts.phone import PhoneNumber
from warung.accounts.user import AccountRole, Tokens, User
from warung.database.text import one_line
from warung.errors import InvalidInput
from warung.location import Location


def _sized(password: SecretStr) -> SecretStr:
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise ValueError(f"a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
    return password


_Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(one_line)
]
_Email = Annotated[EmailStr, AfterValidator(str.lower)]
_NewPassword = Annotated[SecretStr, AfterValidator(_sized)]
_Password = Annotated[SecretStr, Field(max_length=MAX_CHARACTERS)]
_Token = Annotated[SecretStr, Field(max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Placed(_Body):
    location: Location | None = None
    city: _Line | None = Field(None, description="a place's name instead of its location")


class Registration(_Placed):
    name: _Line
    email: _Email
    password: _NewPassword
    phone: PhoneNumber | None = None
    role: Literal["shopper", "supplier"] = "shopper"


class ProfileChange(_Placed):
    """What is left out stays; `phone` and `location` may be null."""

    name: _Line = Field(default_factory=str)
    phone: PhoneNumber | None = None


class LoginRequest(_Body):
    email: _Email
    password: _Password


class RefreshRequest(_Body):
    refresh_token: _Token


class PasswordChange(_Body):
    old_password: _Password
    new_password: _NewPassword


class UserChange(_Body):
    """An operator's; what is left out stays."""

    ai_access_enabled: bool = Field(default_factory=bool)
    role: Literal["shopper", "supplier"] = Field(default_factory=lambda: "shopper")


class UserParameters(_Body):
    role: AccountRole | None = None
    email: _Email | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        None, description="next_cursor of the page before"
    )


class UserItem(BaseModel):
    id: str
    name: str
    email: str | None
    phone: str | None
    location: Location | None
    role: AccountRole
    ai_access_enabled: bool
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        place = user.location
        return cls(
            id=user.id,
            name=user.name,
            email=user.email,
            phone=user.phone,
            location=Location.of(place) if place else None,
            role=user.role,
            ai_access_enabled=user.ai_access_enabled,
            created_at=user.created_at,
        )


class TokenAnswer(BaseModel):
    """As in RFC 6749, section 5.1."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  the scheme's name
    expires_in: int = Field(description="seconds")
    refresh_token: str

    @classmethod
    def of(cls, tokens: Tokens) -> Self:
        return cls(
            access_token=tokens.access, expires_in=tokens.expires_in_seconds, refresh_token=tokens.refresh
        )


def parse_email(text: str) -> str:
    """In lower case. Raises InvalidInput when it is none."""
    try:
        return TypeAdapter[str](_Email).validate_python(text)
    except ValidationError as error:
        raise InvalidInput(f"email: {error.errors()[0]['msg']}", field="email") from None
