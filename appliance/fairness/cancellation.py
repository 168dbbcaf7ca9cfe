"""Why a request's task is cancelled: the message of its CancelledError, read where the request's row is ended."""

REVOKED = "revoked"
"""Its credential was withdrawn."""

STOPPING = "stopping"
"""The process stops and the request has not ended in time."""

GONE = "gone"
"""The client closed the connection."""

SLOW_READER = "slow_reader"
"""We closed it, because the client did not take its answer."""
