"""Databases that can be asked. A new one is one file and one line here.

Each class has `settings_type`, the pydantic model of its settings, and is made by `opening.open_connector()`.
"""

from __future__ import annotations

CONNECTORS: dict[str, str] = {
    "postgres": "querying.connectors.postgres:PostgresConnector",
    "mysql": "querying.connectors.mysql:MysqlConnector",
    "sqlserver": "querying.connectors.sqlserver:SqlServerConnector",
    "sqlite": "querying.connectors.sqlite:SqliteConnector",
}
