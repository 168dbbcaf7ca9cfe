// How it goes: errors, questions that found nothing, slow and bad answers of a day, a week or a month, against the time before.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {choice, download, field, nothing, table, when, whole} from "../shell/parts.js";
import {number, settings, t} from "../shell/settings.js";
import {slowAnswers} from "./insights_slow.js";

const languages = new Intl.DisplayNames(settings.language, {type: "language"});

export function open(room) { return new Insights(room); }

class Insights {
  constructor(room) {
    this.room = room;
    this.period = choice(["day", "week", "month"].map(name => [name, t(`insights_${name}`)]), "week", {onchange: () => this.see(true)});
    this.shown = h("div", {class: "stack"});
    this.element = h("div", {class: "stack"}, h("div", {class: "bar"}, field(t("insights_period"), this.period)), this.shown);
  }

  see(isSeen) { return isSeen ? this.room.attempt(() => this.read()) : null; }

  async read() {
    const asked = this.asked = Symbol("asked"), period = this.period.value;
    const told = await call(`/api/insights?period=${period}`);
    if (asked !== this.asked) return;
    const {errors, unanswered, slow, disliked} = told;
    const part = (name, content) => {
      const title = t(`insights_${name}`), csv = download("/api/insights", {part: name, period});
      csv.setAttribute("aria-label", `${t("as_csv")}: ${title}`);
      return h("section", {class: "stack", "aria-label": title}, h("div", {class: "top"}, h("h2", {}, title), csv), h("p", {class: "hint"}, t(`insights_${name}_lead`)), content);
    };
    this.shown.replaceChildren(
      h("dl", {class: "figures"}, figure("errors", errors), figure("unanswered", unanswered), figure("disliked", disliked)),
      part("errors", errorGroups(errors.data)), part("unanswered", questions(unanswered)), part("slow", slowAnswers(slow)), part("disliked", badAnswers(disliked)));
  }
}

function figure(name, {count, before}) {
  const change = count - before;
  return h("div", {}, h("dt", {}, t(`insights_${name}`)), h("dd", {}, whole(count)),
    h("dd", {class: "change"}, t(change > 0 ? "insights_more" : change < 0 ? "insights_less" : "insights_same", {count: number.format(Math.abs(change))})));
}

const often = [[t("insights_count"), "figure"], [t("insights_before"), "figure"], [t("insights_people"), "figure"], [t("insights_last"), "soft"]];

function errorGroups(groups) {
  if (!groups.length) return nothing("check", t("insights_errors_none"));
  return table(t("insights_errors"), [[t("insights_error")], [t("insights_where"), "soft"], ...often, [t("insights_lookup"), "soft"]], groups.map(one => [
    [settings.texts[`error.${one.code}`] ?? one.message ?? one.code, h("small", {}, h("code", {}, one.code))],
    [t(`insights_source_${one.source}`), h("small", {}, [one.route, ...one.models].join(" · "))],
    whole(one.count), whole(one.before), one.people ? whole(one.people) : "–",
    [when(one.last_at), one.count > 1 ? h("small", {}, t("insights_since", {moment: when(one.first_at)})) : null].filter(Boolean),
    one.lookup ? h("code", {}, one.lookup) : ""]));
}

function questions({count, people, readable, by_programs: programs, shows_questions: isShown, places, questions: groups}) {
  const privacy = h("p", {class: "hint"}, t(isShown ? "insights_shown" : "insights_private"));
  if (!count) return h("div", {class: "stack"}, privacy, nothing("check", t("insights_unanswered_none")));
  const told = h("p", {}, t("insights_readable", {count: whole(count - programs), people: whole(people), readable: whole(readable), programs: whole(programs)}));
  const [asked, , ...rest] = often;
  const where = ({collection, private: isHidden}) => collection ?? t(isHidden ? "insights_hidden" : "insights_everywhere");
  return h("div", {class: "stack"}, privacy, told,
    places.length ? h("h3", {}, t("insights_places")) : null,
    places.length ? table(t("insights_places"), [[t("insights_place")], [t("insights_language"), "soft"], asked, [t("insights_wordings"), "figure"], ...rest], places.map(one =>
      [where(one), one.language ? languages.of(one.language) : "–", whole(one.count), whole(one.wordings), whole(one.people), when(one.last_at)])) : null,
    h("h3", {}, t("insights_questions")),
    groups?.length ? table(t("insights_questions"), [[t("insights_question")], [t("insights_place"), "soft"], asked, ...rest], groups.map(one =>
      [[h("div", {}, one.question), ...one.others.map(other => h("small", {}, other))], one.collections.join(", ") || "–", whole(one.count), whole(one.people), when(one.last_at)])) : h("p", {class: "hint"}, t("insights_questions_none")));
}

const reasonOf = name => t(name ? `reason_${name}` : "insights_no_reason");

function badAnswers({count, up, reasons, data}) {
  if (!count) return nothing("up", t("insights_disliked_none"));
  const figures = Object.entries(reasons).map(([name, often]) => h("div", {}, h("dt", {}, reasonOf(name)), h("dd", {}, whole(often))));
  const said = one => [h("div", {}, reasonOf(one.reason)), one.comment ? h("div", {}, one.comment) : null, one.question ? h("blockquote", {}, one.question) : null, one.answer ? h("blockquote", {}, one.answer) : null].filter(Boolean);
  return h("div", {class: "stack"}, h("p", {}, t("insights_of_rated", {down: whole(count), all: whole(count + up)})), h("div", {}, h("dl", {class: "figures"}, figures)),
    data?.length ? table(t("insights_disliked"), [[t("feedback_said")], [t("usage_model"), "soft"], [t("filter_when"), "soft"]], data.map(one => [said(one), one.model, when(one.given_at)])) : null);
}
