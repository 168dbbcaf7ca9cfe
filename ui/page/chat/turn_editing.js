// Asking a question again in other words: the new version stands beside the old one.
import {h} from "../shell/dom.js";
import {t} from "../shell/settings.js";

export function editQuestion(turn) {
  if (turn.asked.classList.contains("editing")) return;
  const box = h("textarea", {rows: 1, "aria-label": t("edit_question"), onkeydown: event => onKey(event)});
  const send = h("button", {type: "submit", class: "primary"}, t("ask_again"));
  const form = h("form", {class: "edit", onsubmit: event => { event.preventDefault(); rerun(); }}, box,
    h("div", {class: "edit-row"}, h("p", {class: "hint"}, t("edit_hint")), h("button", {type: "button", class: "plain", onclick: () => close()}, t("cancel")), send));
  const close = () => {
    turn.asked.classList.remove("editing");
    form.remove();
    turn.asked.querySelector(".question-tools button")?.focus();
  };
  const rerun = () => {
    const question = box.value.trim();
    if (!question) return;
    close();
    turn.room.transcript.rerun(turn, {question});
  };
  const onKey = event => {
    if (event.isComposing) return;
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close(); }
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); rerun(); }
  };
  box.value = turn.question;
  turn.asked.classList.add("editing");
  turn.asked.append(form);
  box.style.height = `${Math.min(box.scrollHeight + 2, 320)}px`;
  box.addEventListener("input", () => { box.style.height = "auto"; box.style.height = `${Math.min(box.scrollHeight + 2, 320)}px`; });
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
}
