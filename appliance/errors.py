"""Everything the appliance can refuse; `api/errors.py` alone knows the status codes.

ApplianceError
├── InvalidRequest          a field is wrong; `param` names it
│   ├── ConflictingCredentials   two different keys in one request
│   ├── PasswordRefused          too short, or the e-mail address
│   ├── PipelineRefused          its file has faults; `findings` holds each with its place
│   └── PromptTooLong            with its answer it has more tokens than the model reads
│       └── QuestionTooLong          no passage and no answer would fit beside it
├── NotAuthenticated        no credential, or one that is unknown, expired or revoked
│   ├── SignInFailed             e-mail or password is wrong
│   ├── AccountSuspended         right, but an administrator has suspended the account
│   ├── CompanyAccountOnly       a password, where the company's identity provider has to be asked
│   ├── CompanySignInFailed      what came back from the company's identity provider cannot be believed
│   │   ├── CompanySignInDenied       cancelled there, or refused by it
│   │   ├── SignInStateLost           begun in another browser, too long ago, or used already
│   │   ├── CompanyEmailMissing       the provider tells no e-mail address
│   │   ├── CompanyEmailUnverified    or one that nobody has verified
│   │   ├── CompanyDomainNotAllowed   of a domain that may not sign in here
│   │   ├── CompanyGroupNotAllowed    in none of the groups that may
│   │   ├── CompanyAccountUnknown     accounts are not made by signing in
│   │   └── CompanyAccountNotLinked   a local account has this address
│   └── CredentialWithdrawn      revoked, signed out or suspended while the request was running
├── NotPermitted            known, but not allowed
│   ├── StaysOnBox               a cloud's model, and the policy keeps the request here
│   ├── ToolNeedsConsent         a tool of others, and nobody agreed to its being called
│   ├── ToolDeclined             and they said no
│   ├── ToolStays                and its server would be told what has to stay here
│   ├── CrossSiteRequest         a cookie that another site made the browser send
│   └── PlainHttpRefused         signing in without TLS on an address that is not loopback
├── NotFound                there is no such thing for this caller
│   └── LinkNotValid             a one-time link that is used, expired or unknown
├── Conflict                it exists already, or changed meanwhile
│   └── LastAdministrator        nobody would be left to administer
├── TooLarge                the body is over the limit
├── QueueFull               too many are waiting; retry_after_s says when to come back
├── RateLimited             a limit set by an operator is reached; retry_after_s says when there is room again
├── QuotaExceeded           a budget set by an operator is used up, until a date
│   └── LargerThanLimit          the request would never fit
├── CloudRefusedByBudget    the same, of a way to a cloud: another one may be open (it is an EngineUnavailable)
├── CloudPriceUnknown       nobody could say what a call to a cloud costs (it is an EngineUnavailable)
├── TooManyAttempts         sign-in attempts are slowed down
├── PartUnavailable         PostgreSQL, Valkey or another part does not answer
│   ├── BudgetUncounted          so nobody knows what was spent
│   ├── IdentityProviderUnavailable  the company's identity provider does not
│   └── StorageFull         there is no room on the disk
├── StepTimedOut            a step of a declared pipeline, or all of it, took too long
├── AnswerMisshapen         a model's answer is not the JSON that a pipeline asks for
├── ReadingFailed           a document was not read, and it is our fault
├── ReadingInterrupted      a document was given up after several interruptions
└── StartupError            the appliance cannot start; the sentence names the remedy

A class's docstring is the sentence a person reads; `code` is stable and is what programs compare.
"""

from __future__ import annotations

import math
from typing import Any

from inference.errors import EngineUnavailable


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


class ConflictingCredentials(InvalidRequest):
    """The request carries two different credentials. Send one of them."""

    code = "conflicting_credentials"


class PasswordRefused(InvalidRequest):
    """That password cannot be used. Choose a longer one that is not the e-mail address."""

    code = "password_refused"


class PipelineRefused(InvalidRequest):
    """The pipeline's file has faults. Correct the lines that are named, then save it again."""

    code = "pipeline_refused"

    def __init__(self, detail: str = "", *, findings: tuple[Any, ...] = (), param: str | None = None) -> None:
        """findings: of domain.pipeline_findings."""
        super().__init__(detail, param=param)
        self.findings = findings


class PromptTooLong(InvalidRequest):
    """The prompt and the answer that it asks for do not fit into the model's context."""

    code = "context_length_exceeded"


class QuestionTooLong(PromptTooLong):
    """The question is too long for the language model. Ask a shorter one."""


class NotAuthenticated(ApplianceError):
    """Sign in, or send a valid key as `Authorization: Bearer KEY`."""

    code = "invalid_api_key"


class SignInFailed(NotAuthenticated):
    """E-mail or password is wrong. An administrator can send a link to set a new password."""

    code = "sign_in_failed"


class AccountSuspended(NotAuthenticated):
    """This account is suspended. Ask an administrator."""

    code = "account_suspended"


class CompanyAccountOnly(NotAuthenticated):
    """This account signs in with the company account, not with a password. Use that button on the sign-in page."""

    code = "company_account_only"


class CompanySignInFailed(NotAuthenticated):
    """Signing in with the company account did not work. Try again; an administrator finds the cause in the log."""

    code = "company_sign_in_failed"


class CompanySignInDenied(CompanySignInFailed):
    """The sign-in was cancelled, or the company's identity provider refused it. Try again, or ask an administrator."""

    code = "company_sign_in_denied"


class SignInStateLost(CompanySignInFailed):
    """The sign-in took too long, was used already, or was begun in another browser. Start again."""

    code = "sign_in_state_lost"


class CompanyEmailMissing(CompanySignInFailed):
    """The company account has no e-mail address. Ask an administrator: the scope or claim may be missing."""

    code = "company_email_missing"


class CompanyEmailUnverified(CompanySignInFailed):
    """The e-mail address of the company account is not verified. Verify it there, then try again."""

    code = "company_email_unverified"


class CompanyDomainNotAllowed(CompanySignInFailed):
    """Accounts with this e-mail domain may not sign in here. Use another account, or ask an administrator."""

    code = "company_domain_not_allowed"


class CompanyGroupNotAllowed(CompanySignInFailed):
    """The company account is in none of the groups that may sign in here. Ask an administrator."""

    code = "company_group_not_allowed"


class CompanyAccountUnknown(CompanySignInFailed):
    """There is no account here for this company account. Ask an administrator to add one."""

    code = "company_account_unknown"


class CompanyAccountNotLinked(CompanySignInFailed):
    """A local account has this e-mail address. Sign in with its password, or ask an administrator to allow linking."""

    code = "company_account_not_linked"


class CredentialWithdrawn(NotAuthenticated):
    """The key or the sign-in was withdrawn while the request was running. Sign in again, or use another key."""

    code = "credential_withdrawn"


class NotPermitted(ApplianceError):
    """This account or key is not allowed to do that. Ask an administrator."""

    code = "not_permitted"


class StaysOnBox(NotPermitted):
    """That model is a cloud's, and this request may not leave the box. Ask a model of this box instead."""

    code = "stays_on_box"


class ToolNeedsConsent(NotPermitted):
    """Nobody agreed to that tool being called. Name it in `allow_tools`, or agree to it in a chat."""

    code = "tool_needs_consent"


class ToolDeclined(NotPermitted):
    """You said that this tool may not be called. You can change that under Me › Tools."""

    code = "tool_declined"


class ToolStays(NotPermitted):
    """The call would tell the tool's server what has to stay here, so it was not made."""

    code = "tool_stays"


class CrossSiteRequest(NotPermitted):
    """The request did not come from a page of this appliance. Open its page and try again, or use a key."""

    code = "cross_site_request"


class PlainHttpRefused(NotPermitted):
    """Signing in needs HTTPS here. Put TLS in front, or set `server.allow_plain_http = true` on a trusted network."""

    code = "plain_http_refused"


class NotFound(ApplianceError):
    """There is no such thing here, or it is not yours to see."""

    code = "not_found"


class LinkNotValid(NotFound):
    """This link has been used or has expired. Ask an administrator for a new one."""

    code = "link_not_valid"


class Conflict(ApplianceError):
    """That is not possible as things stand."""

    code = "conflict"


class AnswerInProgress(Conflict):
    """An answer is still being written in this conversation. Ask when it has ended, or stop it first."""

    code = "answer_in_progress"


class LastAdministrator(Conflict):
    """This is the last administrator. Make somebody else administrator first."""

    code = "last_administrator"


class TooLarge(ApplianceError):
    """The request is larger than this appliance accepts."""

    code = "request_too_large"


class _ComeBack(ApplianceError):
    """Try again later."""

    def __init__(self, detail: str = "", *, retry_after_s: float, code: str | None = None) -> None:
        super().__init__(f"{detail} Try again in {math.ceil(retry_after_s)} s.".strip(), code=code)
        self.retry_after_s = retry_after_s


class QueueFull(_ComeBack):
    """Too many requests are waiting."""

    code = "queue_full"


class RateLimited(_ComeBack):
    """A limit set by an administrator is reached for the moment.

    states: how all limits of the request stand (fairness.admission.LimitState).
    """

    code = "rate_limit_exceeded"

    def __init__(self, detail: str = "", *, retry_after_s: float, states: tuple[Any, ...] = ()) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)
        self.states = states


class QuotaExceeded(ApplianceError):
    """A budget set by an administrator is used up. Ask an administrator for more.

    states: how all limits of the request stand (fairness.admission.LimitState). retry_after_s: None: not told.
    """

    code = "insufficient_quota"

    def __init__(
        self, detail: str = "", *, states: tuple[Any, ...] = (), retry_after_s: float | None = None
    ) -> None:
        super().__init__(detail)
        self.states = states
        self.retry_after_s = retry_after_s


class LargerThanLimit(QuotaExceeded):
    """The request is larger than a limit set by an administrator. Shorten it, or set a smaller `max_tokens`."""


class CloudRefusedByBudget(EngineUnavailable):
    """A budget set by an administrator leaves nothing for a cloud. Ask an administrator for more."""

    code = "cloud_refused_by_budget"

    def __init__(self, refusal: QuotaExceeded | BudgetUncounted | None = None) -> None:
        """refusal: what the budget says."""
        super().__init__(str(getattr(refusal, "detail", "")))
        if isinstance(refusal, QuotaExceeded):
            self.code = refusal.code
        self.detail = getattr(refusal, "detail", "")
        self.retry_after_s = getattr(refusal, "retry_after_s", None)


class CloudPriceUnknown(EngineUnavailable):
    """A cloud's model has no price, so nothing was sent to it. An administrator can set one in the configuration."""

    code = "cloud_price_unknown"


class TooManyAttempts(_ComeBack):
    """Too many failed attempts to sign in."""

    code = "too_many_attempts"


class PartUnavailable(ApplianceError):
    """A part of the appliance does not answer just now. `/readyz` and `appliance doctor` name it."""

    code = "part_unavailable"


class BudgetUncounted(PartUnavailable):
    """What was spent of a budget cannot be counted just now, so nothing more is spent. Try again in a moment."""

    code = "budget_uncounted"


class IdentityProviderUnavailable(PartUnavailable):
    """The company's identity provider does not answer. Try again soon, or sign in with a local account."""

    code = "identity_provider_unavailable"


class StorageFull(PartUnavailable):
    """The disk of this appliance is full; nothing was stored. Delete files, or ask an administrator for room."""

    code = "storage_full"


class StepTimedOut(ApplianceError):
    """The pipeline took longer than it may. Ask for less, or an administrator for more time."""

    code = "step_timed_out"


class AnswerMisshapen(ApplianceError):
    """The model's answer does not have the form that the pipeline asks for. Try again, or with another model."""

    code = "answer_misshapen"


class ReadingFailed(ApplianceError):
    """The document was not read because of an error inside the appliance. Try again, or ask an administrator."""

    code = "reading_failed"


class ReadingInterrupted(ApplianceError):
    """Reading this document was interrupted again and again, so it was given up. Split it, and add it again."""

    code = "reading_interrupted"


class JobBroke(ApplianceError):
    """Work in the background broke for a reason nobody foresaw. Try it again; the worker's log says what happened."""

    code = "job_broke"


class StartupError(ApplianceError):
    """The appliance cannot start."""

    code = "startup_error"
