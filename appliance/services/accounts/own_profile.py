"""Oneself, as one wants to be met: name, language, look, and what every answer is to heed."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from appliance.domain.people import Caller, Group, Language, Preferences, User
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest
from appliance.ports import PreferenceChanges
from appliance.services.accounts.people import People
from appliance.services.accounts.ports import PreferenceRepository

LONGEST_INSTRUCTIONS = 4000


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as they see themselves."""

    user: User
    groups: Sequence[Group]
    preferences: Preferences


class OwnProfile:
    """The use case behind `/api/me`."""

    def __init__(self, people: People, preferences: PreferenceRepository) -> None:
        self._people = people
        self._preferences = preferences

    async def profile(self, caller: Caller) -> Profile:
        """Raises NotFound for a person that was removed."""
        return await self._with_groups(caller, await self._people.me(caller))

    async def change(
        self,
        caller: Caller,
        *,
        name: str | None = None,
        language: Language | None = None,
        preferences: PreferenceChanges | None = None,
    ) -> Profile:
        """None leaves a field as it is. Raises InvalidRequest; then nothing was changed."""
        changes = None if preferences is None else _checked(preferences)
        if name is None and language is None:
            user = await self._people.me(caller)
        else:
            user = await self._people.change(caller, caller.user_id, name=name, language=language)
        if changes is not None:
            await self._preferences.change_preferences(caller.viewer, changes)
        return await self._with_groups(caller, user)

    async def _with_groups(self, caller: Caller, user: User) -> Profile:
        groups = [one for one in await self._people.groups(caller) if one.id in user.group_ids]
        return Profile(user, groups, await self._preferences.preferences(caller.viewer))


def _checked(changes: PreferenceChanges) -> PreferenceChanges:
    said = changes.instructions
    if said is None:
        return changes
    text = unicodedata.normalize("NFC", said.replace("\r\n", "\n").strip())
    if len(text) > LONGEST_INSTRUCTIONS:
        raise InvalidRequest(Told("instructions_long", most=LONGEST_INSTRUCTIONS), param="instructions")
    return replace(changes, instructions=text)
