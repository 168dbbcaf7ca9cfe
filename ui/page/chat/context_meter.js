// How full the model's context is with this chat, and what of the chat would no longer be sent along.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {number, t} from "../shell/settings.js";

const AROUND = 2 * Math.PI * 8, SVG = "http://www.w3.org/2000/svg";

export class ContextMeter {
  /** room: {conversationId}. */
  constructor(room) {
    this.room = room;
    this.ring = circle("fill");
    const drawing = document.createElementNS(SVG, "svg");
    for (const [name, value] of Object.entries({viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true"})) drawing.setAttribute(name, value);
    drawing.append(circle("track"), this.ring);
    this.told = h("div", {class: "meter-told", popover: "auto", role: "status"});
    this.percent = h("span", {class: "percent", "aria-hidden": "true"});
    this.button = h("button", {type: "button", class: "meter", "aria-haspopup": "dialog", onclick: () => this.tell()}, drawing, this.percent);
    this.element = h("div", {class: "meter-place", hidden: true}, this.button, this.told);
  }

  /** Read for the chat that is shown; a model that does not tell its limit has no meter. */
  async refresh(model) {
    const id = this.room.conversationId;
    this.model = model ?? this.model;
    if (!id) { this.element.hidden = true; return; }
    const asked = this.asked = {};
    const found = await call(`/api/conversations/${id}/context?model=${encodeURIComponent(this.model)}`).catch(() => null);
    if (asked !== this.asked) return;
    this.show(id === this.room.conversationId ? found : null);
  }

  show(found) {
    this.element.hidden = !found?.limit_tokens || !found.used_tokens;
    if (this.element.hidden) return;
    const {used_tokens: used, limit_tokens: limit, dropped_turns: dropped, is_exact: isExact} = found;
    const share = Math.min(1, used / limit), percent = Math.max(1, Math.round(share * 100));
    this.ring.setAttribute("stroke-dasharray", `${share * AROUND} ${AROUND}`);
    this.element.classList.toggle("full", Boolean(dropped) || share > .9);
    this.percent.textContent = `${number.format(percent)} %`;
    const figures = t(isExact ? "context_used" : "context_used_about", {used: number.format(used), limit: number.format(limit)});
    const loss = dropped === 1 ? t("context_drops_one") : dropped ? t("context_drops", {count: dropped}) : t("context_drops_nothing");
    this.button.setAttribute("aria-label", `${figures} ${loss}`);
    this.button.title = `${figures}\n${loss}`;
    this.told.replaceChildren(h("p", {}, h("strong", {}, figures)), h("p", {}, loss));
  }

  tell() {
    this.told.showPopover();
    const {right, top} = this.button.getBoundingClientRect(), {width, height} = this.told.getBoundingClientRect();
    this.told.style.left = `${Math.max(8, Math.min(right - width, innerWidth - width - 8))}px`;
    this.told.style.top = `${Math.max(8, top - height - 8)}px`;
  }
}

function circle(name) {
  const drawn = document.createElementNS(SVG, "circle");
  for (const [key, value] of Object.entries({class: name, cx: 10, cy: 10, r: 8, fill: "none", "stroke-width": 2.5})) drawn.setAttribute(key, value);
  return drawn;
}
