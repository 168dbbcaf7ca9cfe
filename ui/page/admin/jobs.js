// Work of the background: what failed, with another try, and what waits or runs.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {action, choice, field, nothing, table, when} from "../shell/parts.js";
import {number, settings, t} from "../shell/settings.js";

export function open(room) { return new Jobs(room); }

class Jobs {
  constructor(room) {
    this.room = room;
    this.which = choice([["failed", t("jobs_failed")], ["waiting", t("jobs_waiting")], ["running", t("jobs_running")]], "failed", {onchange: () => this.see(true)});
    this.list = h("div", {});
    this.element = h("div", {class: "stack"}, h("div", {class: "bar"}, field(t("jobs_which"), this.which)), this.list);
  }

  see(isSeen) { return isSeen ? this.room.attempt(() => this.read()) : null; }

  async read() {
    const {data, counts} = await call(`/api/jobs?status=${this.which.value}`);
    for (const option of this.which.options) option.textContent = `${option.textContent.replace(/ \([^)]*\)$/, "")} (${number.format(counts[option.value] ?? 0)})`;
    const canRetry = this.which.value === "failed";
    this.list.replaceChildren(data.length ? table(t("admin_jobs"), [[t("column_name")], [t("jobs_why")], [t("jobs_owner"), "soft"], [t("jobs_attempts"), "figure"], [t("filter_when"), "soft"], [t("column_actions"), "acts"]], data.map(job => [
      [job.name ?? t("jobs_unseen"), job.collection ? h("small", {}, job.collection) : null, h("small", {}, job.kind)].filter(Boolean), settings.texts[`error.${job.reason}`] ?? job.message ?? job.reason ?? "", job.owner ?? "", number.format(job.attempts), when(job.happened_at),
      canRetry ? action(t("try_again"), "again", () => this.retry(job)) : ""])) : nothing("check", t(canRetry ? "jobs_none_failed" : "jobs_none")));
  }

  retry(job) {
    return this.room.attempt(async () => {
      await call(`/api/jobs/${encodeURIComponent(job.id)}/retry`, {method: "POST"});
      this.room.say(t("jobs_retried"));
      await this.read();
      this.which.focus();
    });
  }
}
