"""How conversations are found, changed and removed. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from appliance.domain.answers import Conversation
from appliance.domain.origins import OWN_WORDS, Origins
from appliance.domain.people import Viewer
from inference.types import ChatMessage

UNDO = timedelta(minutes=2)  # so long a deleted conversation can be had back
SILENCE = timedelta(hours=1)  # after so much of it a temporary conversation is gone


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was said on the way to a turn, oldest first. omitted_turns: earlier ones, too many to be held.

    origins: of all of it, the omitted turns too; of nothing at all where nothing was said.
    """

    messages: Sequence[ChatMessage] = ()
    omitted_turns: int = 0
    origins: Origins = OWN_WORDS


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which of a person's conversations. words: in their titles, questions and answers; None: any.

    is_pinned None: pinned or not. before: behind the last one of the page before, as (last used, its id).
    """

    words: str | None = None
    is_archived: bool = False
    is_pinned: bool | None = None
    before: tuple[datetime, UUID] | None = None


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of what was said. marks: (start, end) of the words that were looked for."""

    text: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FoundConversation:
    """said: question and answer of the turn that fits the words best; None: there is none, or there were no words."""

    conversation: Conversation
    said: tuple[str, str] | None = None
    snippet: Snippet | None = None


@dataclass(frozen=True, slots=True)
class ConversationChanges:
    """What is to be different; None leaves it. current_turn_id: the path then runs through that turn."""

    title: str | None = None
    is_pinned: bool | None = None
    is_archived: bool | None = None
    is_read: bool = False
    current_turn_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class DueRemoval:
    """A conversation whose time is over, and the person with whose eyes it is removed.

    is_temporary: it goes without a receipt, as if it had never been.
    """

    conversation_id: UUID
    viewer: Viewer
    is_temporary: bool


@dataclass(frozen=True, slots=True)
class LetGo:
    """What was held of turns beside the database and went. memories: of prompts; live_texts: streams and texts."""

    memories: int = 0
    live_texts: int = 0


@dataclass(frozen=True, slots=True)
class ContextUse:
    """What of a model's context a conversation fills. limit_tokens None: unknown. is_exact: by the engine's count."""

    used_tokens: int
    limit_tokens: int | None
    dropped_turns: int = 0
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class FittedChat:
    """The messages that are sent, and how many earlier ones had to stay out for want of room, with their tokens."""

    messages: tuple[ChatMessage, ...]
    dropped_messages: int = 0
    dropped_tokens: int = 0
