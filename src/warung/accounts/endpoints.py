"""The routes of accounts: registering, signing in and out, one's own account, and an operator's view."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from warung.accounts.authentication import bearer
from warung.accounts.guests import address_of
from warung.accounts.logins import Logins
from warung.accounts.principal import Principal
from warung.accounts.rate_limiter import RateLimiter
from warung.accounts.schemas import (
    LoginRequest,
    PasswordChange,
    ProfileChange,
    RefreshRequest,
    Registration,
    TokenAnswer,
    UserChange,
    UserItem,
    UserParameters,
)
from warung.accounts.service import AccountService
from warung.errors import Forbidden, InvalidInput
from warung.gazetteer.places import Gazetteer
from warung.geo import Coordinates
from warung.paging import Page

PrincipalOf = Callable[[Request], Principal]
"""From a request to its caller; raises Unauthorized."""


class Limits:
    """How often one address, and anybody for one e-mail, may try in a minute."""

    def __init__(self, *, logins_per_minute: int, registrations_per_minute: int) -> None:
        rule = f"one may try to sign in {logins_per_minute} times a minute"
        self._by_address, self._by_email = (
            RateLimiter(logins_per_minute, rule=rule, code="login_limit") for _ in range(2)
        )
        rule = f"one may register {registrations_per_minute} accounts a minute"
        self._registrations = RateLimiter(registrations_per_minute, rule=rule, code="registration_limit")

    def spend_login(self, request: Request, email: str) -> None:
        """Raises TooManyRequests."""
        self._by_address.spend(address_of(request))
        self._by_email.spend(email)

    def spend_password(self, user_id: str) -> None:
        """For one who is signed in and says a password. Raises TooManyRequests."""
        self._by_email.spend(user_id)

    def spend_registration(self, request: Request) -> None:
        """Raises TooManyRequests."""
        self._registrations.spend(address_of(request))


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use the routes of accounts, and how often."""

    principal_of: PrincipalOf
    limits: Limits


def create_router(
    accounts: AccountService, logins: Logins, access: Access, gazetteer: Gazetteer
) -> APIRouter:
    router = APIRouter(prefix="/api")
    router.include_router(_auth_router(logins, access))
    router.include_router(_own_router(accounts, access, gazetteer))
    router.include_router(_operators_router(accounts, access.principal_of))
    return router


def _auth_router(logins: Logins, access: Access) -> APIRouter:
    router = APIRouter(prefix="/auth", tags=["accounts"])

    def told(response: Response, answer: TokenAnswer) -> TokenAnswer:
        response.headers["Cache-Control"] = "no-store"
        return answer

    @router.post("/login")
    def log_in(request: Request, response: Response, body: LoginRequest) -> TokenAnswer:
        """An access token for `Authorization: Bearer`, and a refresh token for the next one."""
        access.limits.spend_login(request, body.email)
        tokens = logins.log_in(body.email, body.password.get_secret_value())
        return told(response, TokenAnswer.of(tokens))

    @router.post("/refresh")
    def refresh(response: Response, body: RefreshRequest) -> TokenAnswer:
        """New tokens; the old ones are no longer good. A refresh token shown twice ends its login."""
        return told(response, TokenAnswer.of(logins.refresh(body.refresh_token.get_secret_value())))

    @router.post("/logout", status_code=204)
    def log_out(request: Request, caller: Annotated[Principal, Depends(access.principal_of)]) -> None:
        """End the login whose access token is shown."""
        own_account(caller)
        logins.log_out(bearer(request) or "")

    @router.post("/logout-everywhere", status_code=204)
    def log_out_everywhere(caller: Annotated[Principal, Depends(access.principal_of)]) -> None:
        """End all logins of the account."""
        logins.log_out_everywhere(own_account(caller))

    return router


def _own_router(accounts: AccountService, access: Access, gazetteer: Gazetteer) -> APIRouter:
    router = APIRouter(prefix="/users", tags=["accounts"])

    @router.post("/register", status_code=201)
    def register(request: Request, body: Registration) -> UserItem:
        """A new account of a shopper or a supplier."""
        access.limits.spend_registration(request)
        user = accounts.register(
            name=body.name,
            email=body.email,
            password=body.password.get_secret_value(),
            role=body.role,
            phone=body.phone,
            location=_place(body, gazetteer),
        )
        return UserItem.of(user)

    @router.get("/me")
    def show_me(caller: Annotated[Principal, Depends(access.principal_of)]) -> UserItem:
        return UserItem.of(accounts.find(own_account(caller)))

    @router.patch("/me")
    def change_me(
        caller: Annotated[Principal, Depends(access.principal_of)], body: ProfileChange
    ) -> UserItem:
        """Change name, phone and place; null forgets a phone or a location."""
        changes = body.model_dump(include=body.model_fields_set & {"name", "phone"})
        if body.model_fields_set & {"location", "city"}:
            changes["location"] = _place(body, gazetteer)
        return UserItem.of(accounts.change(own_account(caller), changes))

    @router.put("/me/password", status_code=204)
    def change_password(
        request: Request, caller: Annotated[Principal, Depends(access.principal_of)], body: PasswordChange
    ) -> None:
        """Takes the old password; all other logins end."""
        user_id = own_account(caller)
        access.limits.spend_password(user_id)
        old, new = body.old_password.get_secret_value(), body.new_password.get_secret_value()
        accounts.change_password(user_id, old, new, bearer(request) or "")

    @router.delete("/me", status_code=204)
    def delete_me(caller: Annotated[Principal, Depends(access.principal_of)]) -> None:
        """The account and all that belongs to it, for good."""
        accounts.delete(own_account(caller))

    return router


def _operators_router(accounts: AccountService, principal_of: PrincipalOf) -> APIRouter:
    router = APIRouter(prefix="/users", tags=["operators"])
    operator = operator_of(principal_of)

    @router.get("", dependencies=[Depends(operator)])
    def list_users(parameters: Annotated[UserParameters, Query()]) -> Page[UserItem]:
        """All accounts, the latest first."""
        filters = parameters.model_dump(include={"role", "email"}, exclude_none=True)
        users, following = accounts.page(filters, parameters.cursor, parameters.limit)
        return Page[UserItem](items=[UserItem.of(user) for user in users], next_cursor=following)

    @router.patch("/{user_id}")
    def change_user(
        user_id: UUID, caller: Annotated[Principal, Depends(operator)], body: UserChange
    ) -> UserItem:
        """Allow or forbid the assistant, or change the role between shopper and supplier."""
        changes = body.model_dump(include=body.model_fields_set)
        return UserItem.of(accounts.manage(caller.owner, str(user_id), changes))

    return router


def operator_of(principal_of: PrincipalOf) -> PrincipalOf:
    """From a request to an operator; raises Unauthorized and Forbidden for everybody else."""

    def operator(request: Request) -> Principal:
        caller = principal_of(request)
        caller.require("operator")
        return caller

    return operator


def own_account(caller: Principal) -> str:
    """The account that asks. Raises Unauthorized, and Forbidden for a stall that came with its own key."""
    caller.require("shopper", "supplier", "operator")
    if caller.user_id is None:
        raise Forbidden("this is for accounts: sign in with e-mail and password")
    return caller.user_id


def _place(body: Registration | ProfileChange, gazetteer: Gazetteer) -> Coordinates | None:
    if body.city is None:
        return body.location.coordinates() if body.location else None
    if body.location is not None:
        raise InvalidInput("send city or location, not both", field="city")
    return gazetteer.locate(body.city)
