// The room of the Administration tab. Whoever may not see something is refused by the server, not by the page.
import {Sections} from "../shell/sections.js";
import {t} from "../shell/settings.js";

export function open(host) {
  return new Sections(host, {title: t("tab_admin"), kept: "admin-section", sections: [
    {id: "people", label: t("admin_people"), sign: "people", load: () => import("./people.js")},
    {id: "groups", label: t("admin_groups"), sign: "share", load: () => import("./groups.js")},
    {id: "engines", label: t("admin_engines"), sign: "chip", load: () => import("./engines.js")},
    {id: "models", label: t("admin_models"), sign: "download", load: () => import("./models.js")},
    {id: "data", label: t("admin_data"), sign: "archive", load: () => import("./data.js")},
    {id: "questions", label: t("me_questions"), sign: "pin", load: () => import("./data_questions.js")},
    {id: "health", label: t("admin_health"), sign: "pulse", load: () => import("./health.js")},
    {id: "limits", label: t("limits"), sign: "gauge", load: () => import("./all_limits.js")},
    {id: "queue", label: t("admin_queue"), sign: "steps", load: () => import("./queue.js")},
    {id: "usage", label: t("me_usage"), sign: "lines", load: () => import("./usage.js")},
    {id: "insights", label: t("admin_insights"), sign: "thought", load: () => import("./insights.js")},
    {id: "feedback", label: t("admin_feedback"), sign: "up", load: () => import("./feedback.js")},
    {id: "jobs", label: t("admin_jobs"), sign: "alert", load: () => import("./jobs.js")},
    {id: "backups", label: t("admin_backups"), sign: "archive", load: () => import("./backups.js")},
    {id: "cloud", label: t("admin_cloud"), sign: "cloud", load: () => import("./cloud.js")},
    {id: "egress", label: t("admin_egress"), sign: "upload", load: () => import("./egress.js")},
    {id: "pipelines", label: t("admin_pipelines"), sign: "steps", load: () => import("./pipelines.js")},
    {id: "prompts", label: t("admin_prompts"), sign: "lines", load: () => import("./prompts.js")},
    {id: "tools", label: t("admin_tools"), sign: "steps", load: () => import("./tools.js")},
    {id: "audit", label: t("admin_audit"), sign: "book", load: () => import("./audit.js")},
  ]});
}
