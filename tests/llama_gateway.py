"""A gateway in front of a real llama.cpp with the small trained model."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from appliance.storage.roles import DatabaseRole, url_as
from inference.settings import LlamaCppSettings
from tests.conftest import ROLE_SECRET, Servers
from tests.contracts.engines.rows import MODELS_FOLDER, llama_cpp_process
from tests.gateway_harness import Gateway, running_gateway


@asynccontextmanager
async def gateway_before_llama_cpp(
    servers: Servers, owner_url: str, slots: int = 2, context_tokens: int | None = None
) -> AsyncIterator[Gateway]:
    """The engine is called `laptop`, its model `tiny`."""
    with tempfile.TemporaryDirectory(prefix="llm-", dir="/tmp") as folder:
        settings = LlamaCppSettings(
            engine="llama_cpp",
            model_path=MODELS_FOLDER / "tiny-llama.gguf",
            model_name="tiny",
            socket_path=Path(folder) / "llama.sock",
            slots=slots,
            context_tokens=context_tokens,
            cache_ram_mib=16,
        )
        database_url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
        async with (
            llama_cpp_process(settings),
            running_gateway(
                {"laptop": settings}, valkey_url=servers.valkey.url, database_url=database_url
            ) as running,
        ):
            yield running
