"""What a call used, for the ledger's row and for the queue's charge: by the engine's count, else estimated."""

from __future__ import annotations

from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.admission import Spent
from appliance.fairness.answer_scan import StreamScan, WholeScan
from inference.types import EngineRequest, Usage


def note_completion(entry: Entry, scan: StreamScan | WholeScan) -> None:
    """How it ended."""
    entry.end.status = "completed" if scan.is_done else "client_gone"


def note_delivery(entry: Entry, scan: StreamScan | WholeScan) -> None:
    """Whoever leaves upon [DONE] has the whole answer: OpenAI's SDK does, and vLLM closes a moment after it."""
    if isinstance(scan, StreamScan) and scan.is_done:
        end = entry.end
        if end.status == "client_gone" and end.error_code is None:
            end.status = "completed"


def note_usage(entry: Entry, scan: StreamScan | WholeScan, prompt_tokens: int) -> None:
    """Tokens as the engine counted them; else estimated, where it began to work at all."""
    end = entry.end
    end.finish_reason = scan.finish_reason
    usage = scan.usage
    if usage is not None:
        end.usage = usage
    elif end.ttft_ms is not None or (end.status in ("client_gone", "revoked") and end.engine is not None):
        written = max(0, scan.events - 1) if isinstance(scan, StreamScan) else 0
        end.usage = Usage(prompt_tokens, written)
        end.is_estimated = True


def spent(entry: Entry, scan: StreamScan | WholeScan, request: EngineRequest) -> Spent | None:
    """What the queue charges; None: the engine did nothing."""
    end, usage = entry.end, entry.end.usage
    if not usage.prompt_tokens and not usage.completion_tokens:
        return None
    is_stream = isinstance(scan, StreamScan) and end.ttft_ms is not None
    prefill_ms = (end.ttft_ms or 0.0) - (end.wait_ms or 0.0) if is_stream else None
    # Whoever leaves before a whole answer has the engine write in vain; nobody counted how much.
    is_unknown = end.is_estimated and not request.is_stream
    answer = None if is_unknown else usage.completion_tokens
    return Spent(usage.prompt_tokens, usage.cached_tokens, answer, prefill_ms)


def most_tokens(request: EngineRequest) -> int | None:
    """How long the answer may be at most, all choices together; None: the request does not say."""
    if request.route in ("embeddings", "rerank"):
        return 0
    payload = request.payload
    most = payload.get("max_completion_tokens") or payload.get("max_tokens")
    return most * (payload.get("n") or 1) if most is not None else None
