"""Knobs of the use cases."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AccountSettings(BaseModel):
    """Sign-in and sessions."""

    model_config = ConfigDict(extra="forbid")

    session_days: int = Field(14, ge=1, le=365, description="A sign-in lasts this long after its last use.")
    session_max_days: int = Field(
        90,
        ge=1,
        le=730,
        description="After this long a password is asked for again, however busy the sign-in.",
    )
    invitation_days: int = Field(7, ge=1, le=90, description="An invitation link is valid this long.")
    reset_hours: int = Field(24, ge=1, le=168, description="A password reset link is valid this long.")
    min_password_length: int = Field(12, ge=8, le=128, description="Shortest password accepted.")
    attempts_before_delay: int = Field(
        5, ge=1, description="Failed sign-ins before the next one has to wait."
    )


class FolderSettings(BaseModel):
    """A folder on the server that is kept in step with a collection."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(
        min_length=1, description="The folder; the account of the appliance must be able to read it."
    )
    collection: str = Field(
        min_length=1, description="Name or id of the collection; a new name makes one of the owner's own."
    )
    owner: str = Field(min_length=3, description="E-mail of the person whose documents they are.")
    every_s: float = Field(30.0, ge=1, description="How often the folder is looked at.")
    rest_s: float = Field(
        5.0, ge=0, description="A file is read once it has not changed so long: it may still be being copied."
    )
    remove: bool = Field(True, description="Remove documents whose file is gone.")


class KnowledgeSettings(BaseModel):
    """Files and collections."""

    model_config = ConfigDict(extra="forbid")

    max_file_mib: int = Field(200, ge=1, description="Largest file that may be uploaded, in MiB.")
    min_free_mib: int = Field(
        256,
        ge=0,
        description="Uploads are refused when the disk has less room left, in MiB: the database needs it.",
    )
    max_files_per_user: int = Field(20_000, ge=1, description="Files one person may keep.")
    page_images_mib: int = Field(
        256, ge=0, description="Pictures of pages kept to be shown again, in MiB; 0 draws each anew."
    )
    canaries_hour: int | None = Field(
        3,
        ge=0,
        le=23,
        description="At this hour made-up people try to reach what is not theirs; empty: never by itself.",
    )
    sample: bool = Field(True, description="Load the sample documents at the first start.")
    ingestion_jobs: int = Field(2, ge=1, le=64, description="Documents the worker reads at the same time.")
    max_nesting: int = Field(
        3, ge=0, le=10, description="How deep documents inside of documents are read; 0: not at all."
    )
    max_inside: int = Field(
        2_000, ge=0, description="Documents that one archive or mail may hold, all depths together."
    )
    max_inside_mib: int = Field(1_024, ge=1, description="What those may add up to, in MiB.")
    folders: list[FolderSettings] = Field(
        default_factory=list,
        max_length=100,
        description="Folders that are kept in step, as `[[knowledge.folders]]` with path, collection and owner.",
    )
    version_days: int = Field(
        90,
        ge=0,
        description="A document whose newer version is found can still be opened so long, by who was sent to it.",
    )


class ResponseSettings(BaseModel):
    """Responses of /v1/responses that are kept, so that clients can go on from them."""

    model_config = ConfigDict(extra="forbid")

    retention_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="A conversation is kept so long after its last response; 0 keeps nothing.",
    )
    max_mib_per_user: int = Field(
        2048,
        ge=1,
        description="Who keeps more than so many MiB loses the oldest conversations.",
    )


class InsightsSettings(BaseModel):
    """What administrators are told of how it goes."""

    model_config = ConfigDict(extra="forbid")

    shows_questions: bool = Field(
        False,
        description="Administrators may read questions to which nothing was found; each such answer says so, and the "
        "audit tells who read. Off: only those that people shared with a rating.",
    )


class PipelineSettings(BaseModel):
    """Declared pipelines."""

    model_config = ConfigDict(extra="forbid")

    folder: str = Field(
        "", description="Folder of their files, NAME.yaml; empty: `pipelines` in the data folder."
    )
    look_every_s: float = Field(3.0, ge=0.5, le=3600, description="How often their files are looked at.")
    step_timeout_s: float = Field(
        300.0, gt=0, le=3600, description="Seconds one step may take where its file says nothing."
    )
    timeout_s: float = Field(900.0, gt=0, le=3600, description="Seconds a pipeline may take at most.")
