// The words with which models are asked: each purpose, its versions, what changed between two, and how each did.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h} from "../shell/dom.js";
import {action, nothing, small, table, when, whole} from "../shell/parts.js";
import {number, settings, t} from "../shell/settings.js";
import {promptForm} from "./prompt_form.js";
import {about, named, say} from "./prompts_words.js";

const DAYS = 30;
const versionName = at => at ? say("prompt_number", {number: at}) : say("prompt_shipped");

export function open(room) { return new Prompts(room); }

class Prompts {
  constructor(room) {
    this.room = room;
    this.element = h("div", {class: "stack"});
  }

  see(isSeen) { return isSeen ? this.room.attempt(() => this.purpose ? this.showOne() : this.showAll()) : null; }

  go(purpose) {
    this.purpose = purpose;
    return this.see(true);
  }

  async showAll() {
    const {data} = await call("/api/prompts");
    if (this.purpose) return;
    const rows = data.map(one => [
      [h("button", {type: "button", class: "link", onclick: () => this.go(one.purpose)}, named(one.purpose)), h("small", {}, about(one.purpose))],
      versionName(one.version), one.temperature === null ? "–" : number.format(one.temperature), one.model || say("prompt_model_any")]);
    this.element.replaceChildren(
      h("div", {class: "top"}, h("p", {class: "hint"}, say("prompts_lead")), action(say("prompt_new"), "plus", () => this.edit(null))),
      table(t("admin_prompts"), [[say("prompt_of")], [say("prompt_in_force")], [say("prompt_temperature"), "figure"], [say("prompt_model"), "soft"]], rows));
  }

  async showOne() {
    const purpose = this.purpose, path = `/api/prompts/${encodeURIComponent(purpose)}`;
    const [{data: all}, {data: versions}, {data: figures}] = await Promise.all([call("/api/prompts"), call(`${path}/versions`), call(`${path}/figures?days=${DAYS}`)]);
    if (purpose !== this.purpose) return;
    const kept = all.find(one => one.purpose === purpose);
    const current = versions.find(one => one.version === kept.version) ?? versions[0];
    this.place = h("div", {class: "stack"});
    this.element.replaceChildren(
      action(say("prompt_back"), "back", () => this.go(null)),
      h("div", {class: "top"}, h("h2", {}, named(purpose)), action(say("prompt_new_version"), "plus", () => this.edit(kept, current))),
      h("p", {class: "hint"}, about(purpose)),
      words(current), this.versions(kept, versions), this.place, how(figures));
  }

  versions(kept, versions) {
    return table(say("prompt_version"), [[say("prompt_version")], [say("prompt_note")], [say("prompt_author"), "soft"], [t("filter_when"), "soft"], [t("column_actions"), "acts"]], versions.map(one => [
      [versionName(one.version), one.version === kept.version ? h("small", {}, say("prompt_in_force")) : null].filter(Boolean),
      one.note || "–", one.author ?? "–", when(one.created_at),
      one.version === kept.version ? "" : [
        small(say("prompt_compare_of", {number: one.version}), "lines", () => this.compare(kept.version, one.version)),
        small(one.version ? say("prompt_use", {number: one.version}) : say("prompt_use_shipped"), "check", () => this.use(one.version))]]));
  }

  use(version) {
    return this.room.attempt(async () => {
      await call(`/api/prompts/${encodeURIComponent(this.purpose)}/in_force`, {method: "PUT", body: {version}});
      await this.showOne();
      this.room.say(version ? say("prompt_used", {number: version}) : say("prompt_used_shipped"));
    });
  }

  compare(before, after) {
    return this.room.attempt(async () => {
      const told = await call(`/api/prompts/${encodeURIComponent(this.purpose)}/difference?before=${before}&after=${after}`);
      this.place.replaceChildren(difference(told));
      this.place.firstChild.focus();
    });
  }

  edit(kept, from = null) {
    return this.room.attempt(async () => {
      const models = kept && !kept.takes_model ? [] : (await call("/v1/models")).data.map(one => one.id);
      const form = promptForm(kept, from, models);
      formDialog({
        title: kept ? `${named(kept.purpose)}: ${say("prompt_new_version")}` : say("prompt_new"), action: t("save"), cancel: t("cancel"), width: "760px", body: form.body,
        submit: async () => {
          const purpose = kept?.purpose ?? form.name();
          const saved = await call(`/api/prompts/${encodeURIComponent(purpose)}/versions`, {method: "POST", body: form.value()});
          await this.go(purpose);
          this.room.say(say("prompt_saved", {number: saved.version}));
        },
      });
      form.focus();
    });
  }
}

function words(version) {
  const shown = language => version.texts[language] ? h("section", {class: "stack"}, h("h3", {}, say(`prompt_text_${language}`)), h("p", {class: "words"}, version.texts[language]), ...(version.examples[language] ?? []).map(one => h("blockquote", {}, h("div", {}, one.asked), h("div", {}, one.answered)))) : null;
  return h("div", {class: "stack"}, shown(settings.language), shown(settings.language === "es" ? "en" : "es"));
}

function difference({before, after, lines, settings: changed}) {
  const title = say("prompt_difference", {before: versionName(before), after: versionName(after)});
  const kind = line => line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : line.startsWith("@@") ? "place" : "";
  const texts = Object.entries(lines).map(([language, each]) => h("div", {class: "stack"}, h("h4", {}, say(`prompt_text_${language}`)), h("pre", {class: "difference", tabindex: 0}, each.filter(line => !line.startsWith("@@")).map(line => h("span", {class: kind(line)}, `${line}\n`)))));
  const other = Object.entries(changed).map(([name, pair]) => h("p", {}, `${say(`prompt_${name}`)}: ${pair.before || "–"} → ${pair.after || "–"}`));
  return h("section", {class: "stack", tabindex: -1, "aria-label": title}, h("h3", {}, title), ...texts, ...other, texts.length + other.length ? null : nothing("check", say("prompt_same")));
}

function how(figures) {
  const title = say("prompt_figures", {days: DAYS});
  const figure = value => value === null ? "–" : whole(value);
  if (!figures.length) return h("section", {class: "stack"}, h("h3", {}, title), nothing("lines", say("prompt_figures_none")));
  const columns = [[say("prompt_version")], ...["answers", "nothing_found", "failed", "liked", "disliked", "first_ms", "total_ms", "tokens"].map(name => [say(`prompt_${name}`), "figure"])];
  return h("section", {class: "stack"}, h("h3", {}, title), table(title, columns, figures.map(one => [versionName(one.version), whole(one.answers), whole(one.nothing_found), whole(one.failed), whole(one.up), whole(one.down), figure(one.first_ms), figure(one.total_ms), figure(one.completion_tokens)])));
}
