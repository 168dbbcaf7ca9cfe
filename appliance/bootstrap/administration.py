"""What people and administrators are told about the place, joined to where it is kept."""

from __future__ import annotations

from fastapi import APIRouter

from appliance.api.audit import audit_routes
from appliance.api.feedback import feedback_routes
from appliance.api.identity import Identity
from appliance.api.jobs import job_routes
from appliance.api.usage import usage_routes
from appliance.bootstrap.insights import insights_router
from appliance.services.accounts import Accounts
from appliance.services.audit import Audit
from appliance.services.feedback import FeedbackRead
from appliance.services.jobs_overview import JobsOverview
from appliance.services.usage_report import UsageReport
from appliance.storage.audit import PostgresAudit
from appliance.storage.database import Database
from appliance.storage.failed_jobs import PostgresFailedJobs
from appliance.storage.feedback import PostgresFeedback
from appliance.storage.usage_report import PostgresUsageReport


def administration_routers(
    database: Database,
    accounts: Accounts,
    identity: Identity,
    currency: str | None = None,
    *,
    shows_questions: bool = False,
) -> list[APIRouter]:
    """Usage, audit, feedback, jobs and insights. database: of the api role.

    currency: of the prices; None: there are none. shows_questions: `insights.shows_questions`.
    """
    return [
        usage_routes(UsageReport(PostgresUsageReport(database), accounts.people), identity, currency),
        audit_routes(Audit(PostgresAudit(database)), identity),
        feedback_routes(FeedbackRead(PostgresFeedback(database)), identity),
        job_routes(JobsOverview(PostgresFailedJobs(database)), identity),
        insights_router(database, identity, shows_questions=shows_questions),
    ]
