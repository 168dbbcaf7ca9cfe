"""What turns and conversations need kept; `appliance.storage` fulfils it on PostgreSQL and Valkey.

Everything raises NotFound for what is not the viewer's, and for what lies in a deleted conversation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from appliance.domain.answers import Conversation, Feedback, Figures, ShownTurn, Turn, TurnEvent, TurnStatus
from appliance.domain.conversations import (
    ConversationChanges,
    ConversationFilter,
    DueRemoval,
    FoundConversation,
    LetGo,
    Remembered,
)
from appliance.domain.documents import Receipt
from appliance.domain.origins import Origins
from appliance.domain.people import Caller, Viewer


class TurnRepository(Protocol):
    """Where turns are kept."""

    async def begin(
        self, viewer: Viewer, turn: Turn, title: str, *, is_temporary: bool = False, follows: bool = False
    ) -> None:
        """Record a turn, and its conversation where that is new. The path that is shown now ends here.

        follows: only where the conversation still stands at the turn before it; else raises ConversationMoved.
        """
        ...

    async def save(self, viewer: Viewer, turn_id: UUID, answer: str, events: Sequence[TurnEvent]) -> None: ...

    async def finish(
        self,
        viewer: Viewer,
        turn_id: UUID,
        status: TurnStatus,
        answer: str | None,
        events: Sequence[TurnEvent],
        trace: Mapping[str, Any] | None = None,
        figures: Figures | None = None,
        origins: Origins = None,
    ) -> None:
        """Set the final state; answer and trace None keep what was saved. origins None: nobody knows them."""
        ...

    async def trace(self, viewer: Viewer, turn_id: UUID) -> Mapping[str, Any] | None:
        """What its search did; None where nothing was searched, or not yet."""
        ...

    async def turn(self, viewer: Viewer, turn_id: UUID) -> Turn: ...

    async def events(self, viewer: Viewer, turn_id: UUID, after: int) -> list[TurnEvent]:
        """Saved events with a sequence number above `after`, in order."""
        ...

    async def said(self, viewer: Viewer, head: UUID, most: int) -> tuple[list[tuple[str, str]], int, Origins]:
        """Questions and answers on the way to a turn, itself last; how many earlier ones there are; its origins."""
        ...

    async def rate(self, viewer: Viewer, turn_id: UUID, feedback: Feedback) -> None: ...

    async def unrate(self, viewer: Viewer, turn_id: UUID) -> None: ...


class ConversationRepository(Protocol):
    """Where conversations are kept."""

    async def begin(self, viewer: Viewer, conversation: Conversation) -> None:
        """Record a conversation in which nothing has been asked yet."""
        ...

    async def conversation(self, viewer: Viewer, conversation_id: UUID) -> Conversation: ...

    async def conversations(
        self, viewer: Viewer, wanted: ConversationFilter, limit: int
    ) -> list[FoundConversation]:
        """Newest first; with words, those first that fit best."""
        ...

    async def change(
        self, viewer: Viewer, conversation_id: UUID, changes: ConversationChanges
    ) -> Conversation: ...

    async def path(
        self, viewer: Viewer, conversation_id: UUID, limit: int, before: UUID | datetime | None
    ) -> tuple[Conversation, list[ShownTurn]]:
        """The last turns of the path that is shown, oldest first; before: a turn of it, or a moment."""
        ...

    async def all_turns(self, viewer: Viewer, conversation_id: UUID) -> list[ShownTurn]:
        """Every version of every turn, in the order they were asked."""
        ...


class RemovalRepository(Protocol):
    """Deleting, and taking it back."""

    async def hide(self, viewer: Viewer, conversation_id: UUID, moment: datetime | None) -> list[UUID]:
        """Hide a conversation from everything and return its turns. moment None: it cannot be had back."""
        ...

    async def show(self, viewer: Viewer, conversation_id: UUID, since: datetime) -> None:
        """Have it back, if it was hidden after that. Raises NotFound."""
        ...

    async def note_let_go(self, viewer: Viewer, conversation_id: UUID, let_go: LetGo) -> None:
        """Add it to what the receipt will tell, when the time of a hidden conversation is over."""
        ...

    async def turns(self, viewer: Viewer, conversation_id: UUID) -> list[UUID]:
        """Of a conversation, hidden or not; none where there is no such."""
        ...

    async def remove(
        self, viewer: Viewer, conversation_id: UUID, removed: Mapping[str, int], *, is_temporary: bool
    ) -> Receipt | None:
        """Delete it; removed: what went before it, beside what was noted. A receipt is kept unless it was temporary."""
        ...

    async def due(self, deleted_before: datetime, silent_since: datetime) -> list[DueRemoval]:
        """Whose time is over, of everybody."""
        ...


class TurnLog(Protocol):
    """The live series of events, the writers' leases and the wish to stop, shared by all gateway processes."""

    async def append(
        self, turn_id: UUID, events: Sequence[TurnEvent], text: bytes = b"", offset: int = 0
    ) -> None:
        """text: the answer's own text from that byte on."""
        ...

    async def read(self, turn_id: UUID, after: int, wait_s: float) -> list[TurnEvent]:
        """Events above `after`; waits up to wait_s for the first one."""
        ...

    async def text(self, turn_id: UUID) -> str:
        """The answer's text as far as it came; empty where nothing is held."""
        ...

    async def renew_lease(self, turn_id: UUID) -> bool:
        """Hold the lease for another 5 s; True when somebody asked this turn to stop."""
        ...

    async def release_lease(self, turn_id: UUID) -> None: ...

    async def is_leased(self, turn_id: UUID) -> bool: ...

    async def ask_to_stop(self, turn_id: UUID) -> None: ...

    def stops(self) -> AsyncIterator[UUID]:
        """Turns that somebody wants stopped, whichever process writes them."""
        ...

    async def recall(self, user_id: UUID, turn_id: UUID) -> Remembered | None:
        """What was said up to a turn, itself included; None where it is not held here."""
        ...

    async def remember(self, user_id: UUID, turn_id: UUID, said: Remembered, instead_of: UUID | None) -> None:
        """Hold it in place of what was held for the turn before."""
        ...

    async def discard(self, user_id: UUID, turn_ids: Sequence[UUID]) -> LetGo:
        """Let go of all that is held of these turns; says what that was."""
        ...


class AttachedFiles(Protocol):
    """The files of a chat. NotFound for a conversation that is not the caller's."""

    async def attached(self, caller: Caller, conversation_id: UUID) -> UUID | None:
        """The collection they are in; None: there are none."""
        ...

    async def forget(
        self, caller: Caller, conversation_id: UUID, *, leaves_receipts: bool = True
    ) -> Mapping[str, int]:
        """Delete them, also of a conversation that is hidden; what was removed, by kind."""
        ...
