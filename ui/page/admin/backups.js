// Backups: the last good one, one more on demand with how far it is, and its end.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {action, when, Watching} from "../shell/parts.js";
import {fileSize, number, t} from "../shell/settings.js";
import {shareBar} from "./engines.js";

const LOOK_MS = 1500;

export function open(room) { return new Backups(room); }

class Backups {
  constructor(room) {
    this.room = room;
    this.watching = new Watching(LOOK_MS, () => room.attempt(async () => this.draw(await call("/api/backups"))));
    this.known = h("div", {class: "stack"});
    this.step = h("div", {role: "status"});
    this.make = h("button", {type: "button", class: "main", onclick: () => this.ask("/api/backups", "backups_asked")}, t("backups_make"));
    this.cancel = action(t("backups_cancel"), null, () => this.ask("/api/backups/cancel", "backups_cancelled"));
    this.running = h("div", {class: "card", hidden: true}, h("h2", {}, t("backups_running")), this.step, h("div", {class: "buttons"}, this.cancel));
    this.element = h("div", {class: "stack"}, this.known, this.running, h("div", {class: "buttons"}, this.make));
  }

  see(isSeen) { return this.watching.see(isSeen); }

  ask(path, said) {
    return this.room.attempt(async () => {
      this.draw(await call(path, {method: "POST"}));
      this.room.say(t(said));
    });
  }

  draw(told) {
    const hadFocus = [this.make, this.cancel].some(button => button.matches(":focus"));
    const run = told.run, seen = JSON.stringify({...told, run: null});
    if (seen !== this.seen) this.known.replaceChildren(...this.about(told));   // nothing moves for nothing
    this.seen = seen;
    this.running.hidden = !run;
    this.make.hidden = Boolean(run) || !told.folder;
    this.cancel.disabled = run?.state === "ending";
    if (run) this.step.replaceChildren(...steps(run));
    if (hadFocus) (run ? this.cancel : this.make).focus();
  }

  about({folder, hour, is_old: isOld, last, tried_at: triedAt, failure}) {
    const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
    return [
      h("p", {class: "soft"}, folder ? [t("backups_nightly", {hour: `${String(hour).padStart(2, "0")}:00`}), " ", h("code", {}, folder)] : t("backups_off")),
      failure ? h("div", {class: "problem"}, h("p", {}, t("backups_failed", {moment: when(failure.happened_at)})), h("p", {lang: "en"}, failure.message)) : null,
      last
        ? h("div", {class: "card"},
          h("h2", {}, t("backups_last"), " ", h("span", {class: `badge ${isOld ? "failed" : "ready"}`}, t(isOld ? "backups_old" : "backups_young"))),
          h("div", {}, h("dl", {class: "figures"}, figure(t("filter_when"), when(last.made_at)), figure(t("backups_size"), fileSize(last.size_bytes)), figure(t("backups_took"), took(last.seconds)), figure(t("backups_tried"), triedAt ? when(triedAt) : t("backups_never")))),
          h("p", {class: "soft"}, h("code", {}, last.place)))
        : h("p", {}, t("backups_none")),
    ].filter(Boolean);
  }
}

function steps(run) {
  if (run.state !== "running") return [h("p", {}, t(run.state === "waiting" ? "backups_waiting" : "backups_ending"))];
  if (run.step !== "files") return [h("p", {}, t(run.step ? `backups_step_${run.step}` : "backups_begun"), run.size_bytes ? ` · ${fileSize(run.size_bytes)}` : "")];
  const told = t("backups_step_files", {files: number.format(run.files), of: number.format(run.of_files), size: fileSize(run.size_bytes)});
  return [h("p", {}, shareBar(run.of_files ? run.files / run.of_files : 1, told))];
}

/** "42 s", "3 min" */
const took = seconds => seconds < 90 ? `${number.format(Math.round(seconds))} s` : `${number.format(Math.round(seconds / 60))} min`;
