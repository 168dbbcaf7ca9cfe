// The head of a dialog: what it is, and a way out for those who have no Esc.
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

export function titled(title, close) {
  return h("div", {class: "titled"}, h("h2", {}, title), h("button", {type: "button", class: "quiet", title: t("close"), "aria-label": t("close"), onclick: close}, icon("close")));
}
