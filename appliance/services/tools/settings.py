"""Knobs of tools."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ToolSettings(BaseModel):
    """Tools of others (MCP servers) that administrators add. Our own at `/mcp` need no setting."""

    model_config = ConfigDict(extra="forbid")

    hosts: list[str] = Field(
        default_factory=list,
        description="Hosts outside of the own network that a tool server may have, such as mcp.example.com or "
        "*.example.com. Empty: servers of the own network alone. What goes there stands in the ledger of what left.",
    )
    secrets_folder: str = Field(
        "",
        description="Folder with the secrets that tool servers ask for, one file for each header's value, readable by "
        "its owner alone. Empty: tool-secrets in the data folder.",
    )
    call_timeout_s: float = Field(
        60.0, gt=0, le=600, description="Longest a call of a tool of others may take."
    )
    consent_timeout_s: float = Field(
        180.0, gt=0, le=600, description="How long an answer waits for its asker to agree to a call."
    )
