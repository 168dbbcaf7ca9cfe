"""Makes the connector of a row of the table. Nothing is connected to before something is asked."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, Protocol, cast

from pydantic import BaseModel, ValidationError

from inference.egress import Neighbours
from querying.connectors import CONNECTORS
from querying.errors import SourceRefused
from querying.ports import Connector
from querying.source_refusals import SourceBecause


class ConnectorType(Protocol):
    """What a row of the table names."""

    settings_type: ClassVar[type[BaseModel]]

    def __call__(self, settings: Any, neighbours: Neighbours) -> Connector: ...  # noqa: ANN401 - of its own type


def connector_type(kind: str) -> ConnectorType:
    """The class behind a row of the table. Raises SourceRefused where there is none."""
    if kind not in CONNECTORS:
        raise SourceRefused(
            SourceBecause("db_kind", kind=kind, kinds=", ".join(sorted(CONNECTORS))), "unknown_kind"
        )
    module, _, name = CONNECTORS[kind].partition(":")
    return cast("ConnectorType", getattr(import_module(module), name))


def checked_settings(kind: str, settings: Mapping[str, Any]) -> BaseModel:
    """As the connector takes them, with its defaults. Raises SourceRefused, which names the first that is wrong."""
    try:
        return connector_type(kind).settings_type.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SourceRefused(
            SourceBecause("db_setting", setting=where or kind, problem=first["msg"]), "settings"
        ) from error


def open_connector(kind: str, settings: Mapping[str, Any] | BaseModel, neighbours: Neighbours) -> Connector:
    """kind: a row of CONNECTORS. settings: of its `settings_type`. Raises SourceRefused where they do not fit."""
    made = connector_type(kind)
    if not isinstance(settings, made.settings_type):
        told = settings.model_dump() if isinstance(settings, BaseModel) else settings
        settings = checked_settings(kind, told)
    return made(settings, neighbours)
