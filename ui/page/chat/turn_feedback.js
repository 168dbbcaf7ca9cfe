// Why an answer was good or bad: one reason, a few words, both optional. The thumb itself has been sent already.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const REASONS = ["wrong", "incomplete", "not_in_sources", "bad_citation", "language", "slow", "other"];

export function feedbackForm(turn) {
  const {rating} = turn.feedback;
  let reason = null;
  const chips = rating === "down" ? REASONS.map(name => h("button", {type: "button", class: "reason-chip", "aria-pressed": "false", onclick: event => choose(name, event.currentTarget)}, t(`reason_${name}`))) : [];
  const comment = h("textarea", {rows: 2, maxlength: "4000", placeholder: t("feedback_comment"), "aria-label": t("feedback_comment")});
  const share = h("input", {type: "checkbox"});
  const form = h("form", {class: "feedback", onsubmit: event => { event.preventDefault(); send(); }},
    h("header", {}, h("p", {}, t(rating === "down" ? "feedback_why" : "feedback_what")),
      h("button", {class: "quiet", type: "button", title: t("close"), "aria-label": t("close"), onclick: () => form.remove()}, icon("close"))),
    chips.length ? h("div", {class: "choices-row", role: "group", "aria-label": t("feedback_why")}, chips) : null, comment,
    h("label", {class: "hint share-text"}, share, " ", t("feedback_share")),
    h("div", {class: "edit-row"}, h("p", {class: "hint"}, t("feedback_seen_by")), h("button", {type: "submit", class: "primary"}, t("feedback_send"))));
  const choose = (name, chip) => {
    reason = reason === name ? null : name;
    for (const one of chips) one.setAttribute("aria-pressed", String(one === chip && reason === name));
  };
  const send = async () => {
    const words = comment.value.trim(), body = {rating, ...reason ? {reason} : {}, ...words ? {comment: words} : {}, share_text: share.checked};
    try {
      turn.feedback = await call(`/api/turns/${turn.id}/feedback`, {method: "PUT", body});
      form.replaceChildren(h("p", {class: "thanks", role: "status"}, icon("check"), t("feedback_thanks")));
      setTimeout(() => form.remove(), 6000);
    } catch (error) { turn.complain(error); }
  };
  return form;
}
