"""Knobs of what may leave: the operator's file alone permits; what is set elsewhere only narrows it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

When = Literal["never", "local_down", "queue"]
OnPersonalData = Literal["veto", "redact"]


class LeavingSettings(BaseModel):
    """When a question may be answered by a cloud engine instead. Default: never."""

    model_config = ConfigDict(extra="forbid")

    when: When = Field(
        "never",
        description="`never`; `local_down`: when no engine here can answer; `queue`: also when somebody has waited "
        "for one longer than queue_s.",
    )
    queue_s: float = Field(30.0, ge=0, description="Seconds in the queue after which `queue` counts.")
    personal_data: OnPersonalData = Field(
        "veto",
        description="What a request with personal data or secrets in it does: `veto` keeps it here, `redact` lets it "
        "leave with placeholders in their place. Names and what is told of somebody are not recognised.",
    )
    by_name: bool = Field(
        False,
        description="A cloud's own model may be asked for by its name, though nothing here is down. Else clouds only "
        "stand in for models of this box.",
    )
    chat_files: bool = Field(
        False, description="Files that were dropped into a chat may leave with its questions."
    )
    stays_kept_days: int = Field(
        90, ge=1, description="Days that decisions to stay are kept; those to leave are kept for good."
    )
