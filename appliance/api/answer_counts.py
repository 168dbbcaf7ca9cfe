"""Every answer counted by the door it left through and its status: refusals too, which never reach the gate."""

from __future__ import annotations

from collections.abc import Awaitable

from prometheus_client import CollectorRegistry, Counter
from starlette.types import Message, Scope, Send

from appliance.fairness.shared_metrics import own

_DOORS = (
    ("/v1/", "v1"),
    ("/api/", "api"),
    ("/healthz", "probe"),
    ("/readyz", "probe"),
    ("/metrics", "probe"),
)


class AnswerCounts:
    """registry: what is scraped. No label repeats what a client sent."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "appliance_http_answers",
            "HTTP answers by door (v1, api, page, probe) and status.",
            ["door", "status"],
            registry=own(registry),
        )
        self._children: dict[
            tuple[str, int], Counter
        ] = {}  # looking one up by labels takes longer than counting

    def counting(self, scope: Scope, send: Send) -> Send:
        """The same send, counted when an answer begins."""
        if scope["type"] != "http":
            return send

        def counted(message: Message) -> Awaitable[None]:  # no coroutine of its own for every streamed chunk
            if message["type"] == "http.response.start":
                self._count(scope["path"], message["status"])
            return send(message)

        return counted

    def _count(self, path: str, status: int) -> None:
        door = next((door for prefix, door in _DOORS if path.startswith(prefix)), "page")
        child = self._children.get((door, status))
        if child is None:
            child = self._children[door, status] = self._answers.labels(door, str(status))
        child.inc()
