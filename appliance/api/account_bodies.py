"""What the account routes read and write: the wire's shapes, without passwords or hashes on the way out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from appliance.api.device_names import device_name
from appliance.api.turn_shapes import Writable
from appliance.domain.people import (
    AccountEvent,
    ApiKey,
    Caller,
    Group,
    Language,
    Role,
    Session,
    Theme,
    User,
)
from appliance.ports.accounts import GroupChanges
from appliance.ports.keeping import Keep
from appliance.services.accounts.own_profile import Profile

Email = Annotated[str, StringConstraints(min_length=3, max_length=400)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Name = Annotated[str, StringConstraints(max_length=400)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Weight = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Body(BaseModel):
    """Unknown fields are refused, so that a misspelled one is not silently without effect."""

    model_config = ConfigDict(extra="forbid")


class SignInBody(Body):
    """POST /api/sessions."""

    email: Email
    password: Password


class NewUserBody(Body):
    """POST /api/users. password absent: one is made and told once; invite: a link is made instead."""

    email: Email
    name: Name = ""
    role: Role = Role.USER
    group_ids: list[UUID] = Field(default_factory=list, max_length=1000)
    password: Password | None = None
    invite: bool = False
    language: Language | None = None


class UserChangesBody(Body):
    """PATCH /api/users/{id}; absent fields stay as they are."""

    name: Name | None = None
    role: Role | None = None
    is_suspended: bool | None = None
    language: Language | None = None
    weight: Weight | None = None


class OwnChangesBody(Body):
    """PATCH /api/me; absent fields stay as they are."""

    name: Name | None = None
    language: Language | None = None
    theme: Theme | None = None
    instructions: Annotated[Writable, StringConstraints(max_length=20_000)] | None = None
    shortcuts: bool | None = None


class OwnPasswordBody(Body):
    """PUT /api/me/password."""

    old_password: Password
    new_password: Password


class GroupBody(Body):
    """POST /api/groups. weight absent: the group takes no part in sharing the engines."""

    name: Name
    weight: Weight | None = None
    parent_id: UUID | None = None


class GroupChangesBody(Body):
    """PATCH /api/groups/{id}; absent fields stay as they are. null takes a weight or a parent away."""

    name: Name | None = None
    weight: Weight | None = None
    parent_id: UUID | None = None

    def changes(self) -> GroupChanges:
        """As the use case takes them."""
        sent = self.model_fields_set
        return GroupChanges(
            self.name,
            self.weight if "weight" in sent else Keep.AS_IT_IS,
            self.parent_id if "parent_id" in sent else Keep.AS_IT_IS,
        )


class MembersBody(Body):
    """PUT /api/groups/{id}/members."""

    user_ids: list[UUID] = Field(max_length=10_000)


class NewKeyBody(Body):
    """POST /api/keys. user_id absent: one's own. models and routes absent: everything the owner may.

    is_batch: what is asked with it lets everybody else go first. stays_local: nothing asked with it leaves the box.
    allows_smaller: a smaller model may answer where the one that was asked for cannot.
    """

    name: Name = ""
    user_id: UUID | None = None
    models: list[str] | None = Field(None, max_length=100)
    routes: list[str] | None = Field(None, max_length=100)
    expires_at: AwareDatetime | None = None
    is_batch: bool = False
    stays_local: bool = False
    allows_smaller: bool = True


class LinkFor(Body):
    """POST /api/invitations and /api/password-resets: a new link for somebody who has an account."""

    user_id: UUID


class TokenBody(Body):
    """Looking at a one-time link; in the body, so that the token stands in no log."""

    token: Token


class UseLinkBody(Body):
    """Choosing a password with a one-time link."""

    token: Token
    password: Password


class ImportBody(Body):
    """POST /api/users/import: the text of a CSV file."""

    csv: str = Field(max_length=900_000)


Json = dict[str, Any]


def user_json(user: User) -> Json:
    """A person."""
    return {
        "id": str(user.id),
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "is_suspended": user.is_suspended,
        "language": user.language,
        "created_at": _time(user.created_at),
        "last_login_at": _time(user.last_login_at),
        "group_ids": sorted(str(group_id) for group_id in user.group_ids),
        "weight": user.weight,
    }


def profile_json(profile: Profile) -> Json:
    """Oneself."""
    mine = profile.preferences
    return {
        **user_json(profile.user),
        "groups": [{"id": str(group.id), "name": group.name} for group in profile.groups],
        "theme": mine.theme,
        "instructions": mine.instructions,
        "shortcuts": mine.has_shortcuts,
    }


def group_json(group: Group) -> Json:
    """A group and who is in it."""
    members = sorted(str(member_id) for member_id in group.member_ids)
    return {
        "id": str(group.id),
        "name": group.name,
        "member_ids": members,
        "weight": group.weight,
        "parent_id": None if group.parent_id is None else str(group.parent_id),
    }


def session_json(session: Session, caller: Caller) -> Json:
    """A sign-in; is_current marks the one that asks."""
    return {
        "id": str(session.id),
        "user_agent": session.user_agent,
        "device": device_name(session.user_agent),
        "address": session.address,
        "created_at": _time(session.created_at),
        "last_used_at": _time(session.last_used_at),
        "last_seen": _time(session.last_used_at),
        "expires_at": _time(session.expires_at),
        "is_current": session.id == caller.session_id,
    }


def key_json(key: ApiKey) -> Json:
    """A key as it is listed: its first characters, never the secret."""
    models, routes = key.scopes.models, key.scopes.routes
    return {
        "id": str(key.id),
        "user_id": str(key.user_id),
        "name": key.name,
        "prefix": key.prefix,
        "models": None if models is None else sorted(models),
        "routes": None if routes is None else list(routes),
        "created_at": _time(key.created_at),
        "expires_at": _time(key.expires_at),
        "last_used_at": _time(key.last_used_at),
        "revoked_at": _time(key.revoked_at),
        "is_batch": key.is_batch,
        "stays_local": key.stays_local,
        "allows_smaller": key.allows_smaller,
    }


def event_json(event: AccountEvent) -> Json:
    """A line of what was done to accounts."""
    return {
        "id": event.id,
        "action": event.action,
        "actor_id": None if event.actor_id is None else str(event.actor_id),
        "subject_id": None if event.subject_id is None else str(event.subject_id),
        "detail": dict(event.detail),
        "address": event.address,
        "happened_at": _time(event.happened_at),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
