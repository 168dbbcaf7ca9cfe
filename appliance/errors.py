"""Everything the appliance can refuse; `api/errors.py` alone knows the status codes.

ApplianceError
├── InvalidRequest          a field is wrong; `param` names it
├── NotAuthenticated        no credential, or one that is unknown, expired or revoked
├── NotPermitted            known, but not allowed
├── NotFound                there is no such thing for this caller
├── Conflict                it exists already, or changed meanwhile
├── TooLarge                the body is over the limit
├── QueueFull               too many are waiting; retry_after_s says when to come back
├── QuotaExceeded           a limit set by the operator is used up
├── TooManyAttempts         sign-in attempts are slowed down
├── PartUnavailable         PostgreSQL, Valkey or another part does not answer
│   └── StorageFull         there is no room on the disk
└── StartupError            the appliance cannot start; the sentence names the remedy

A class's docstring is the sentence a person reads; `code` is stable and is what programs compare.
"""

from __future__ import annotations


class ApplianceError(Exception):
    """The request could not be carried out."""

    code = "appliance_error"

    def __init__(self, detail: str = "", *, param: str | None = None, code: str | None = None) -> None:
        sentence = (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(f"{sentence} {detail}".strip())
        self.detail = detail
        self.param = param
        if code is not None:
            self.code = code


class InvalidRequest(ApplianceError):
    """The request is not valid."""

    code = "invalid_request"


class NotAuthenticated(ApplianceError):
    """Sign in, or send a valid key as `Authorization: Bearer KEY`."""

    code = "invalid_api_key"


class NotPermitted(ApplianceError):
    """This account or key is not allowed to do that. Ask an administrator."""

    code = "not_permitted"


class NotFound(ApplianceError):
    """There is no such thing here, or it is not yours to see."""

    code = "not_found"


class Conflict(ApplianceError):
    """That is not possible as things stand."""

    code = "conflict"


class TooLarge(ApplianceError):
    """The request is larger than this appliance accepts."""

    code = "request_too_large"


class _ComeBack(ApplianceError):
    """Try again later."""

    def __init__(self, detail: str = "", *, retry_after_s: float, code: str | None = None) -> None:
        super().__init__(f"{detail} Try again in {retry_after_s:.0f} s.".strip(), code=code)
        self.retry_after_s = retry_after_s


class QueueFull(_ComeBack):
    """Too many requests are waiting."""

    code = "queue_full"


class QuotaExceeded(_ComeBack):
    """The limit set for this account is used up."""

    code = "rate_limit_exceeded"


class TooManyAttempts(_ComeBack):
    """Too many failed attempts to sign in."""

    code = "too_many_attempts"


class PartUnavailable(ApplianceError):
    """A part of the appliance does not answer just now. `/readyz` and `appliance doctor` name it."""

    code = "part_unavailable"


class StorageFull(PartUnavailable):
    """The disk of this appliance is full, so nothing was stored. Delete files, or ask an administrator for more room."""

    code = "storage_full"


class StartupError(ApplianceError):
    """The appliance cannot start."""

    code = "startup_error"
