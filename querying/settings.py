"""Knobs of questions to tables."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DataSettings(BaseModel):
    """What one query may take; a source may have narrower bounds of its own."""

    model_config = ConfigDict(extra="forbid")

    rows: int = Field(10_000, ge=1, le=1_000_000, description="Rows that one query may bring.")
    mib: int = Field(16, ge=1, le=1024, description="MiB that one query may bring.")
    timeout_s: float = Field(30.0, gt=0, le=3600, description="Seconds that one query may take.")
    cost: float = Field(
        0.0,
        ge=0,
        description="What the database's planner may expect of one query, in its own unit (PostgreSQL: 1,000,000 is "
        "some ten seconds); 0: no bound but time.",
    )
    queries_at_a_time: int = Field(
        4, ge=1, le=100, description="Queries of one database that run at a time, of one gateway process."
    )
    wait_s: float = Field(
        10.0, ge=0, le=600, description="Seconds that a query waits for its turn before it is refused."
    )
    sqlite_folder: str = Field(
        "", description="Folder in which SQLite files must lie to be asked; empty: DATA/databases."
    )
    password_folder: str = Field(
        "",
        description="Folder in which the files with databases' passwords must lie; empty: DATA/databases/passwords.",
    )
    workbook_mib: int = Field(
        512, ge=64, le=65_536, description="MiB of memory that a query of an uploaded workbook may take."
    )
    refresh_hour: int | None = Field(
        4,
        ge=0,
        le=23,
        description="At this hour the tables of every database are read anew; empty: never by itself.",
    )
