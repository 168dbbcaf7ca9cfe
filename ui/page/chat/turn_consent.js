// A tool of others that waits to be agreed to, and which tools an answer used. Both show a stranger's words as text.
import {call} from "../shell/api.js";
import {h, sheet} from "../shell/dom.js";
import {explain, t} from "../shell/settings.js";

export const consentLook = sheet(`
.consent { display: grid; gap: 10px; margin: 6px 0 12px; padding: 14px 16px; border: 1px solid var(--line-strong); border-radius: 14px; background: var(--surface); }
.consent.outside { border-color: var(--accent); }
.consent h3 { margin: 0; font-size: 15px; overflow-wrap: anywhere; }
.consent p { margin: 0; font-size: 14px; color: var(--ink-2); overflow-wrap: anywhere; }
.consent pre { margin: 0; padding: 10px 12px; max-height: 220px; overflow: auto; border-radius: 10px; background: var(--hover); font-size: 13px; white-space: pre-wrap; overflow-wrap: anywhere; }
.consent .buttons { display: flex; flex-wrap: wrap; gap: 8px; }
.consent .problem { color: var(--danger); }
.called { margin: 10px 0 0; font-size: 14px; color: var(--ink-2); }
.called summary { cursor: pointer; }
.called li { margin: 6px 0; overflow-wrap: anywhere; }
.called code { white-space: pre-wrap; overflow-wrap: anywhere; }
`);

const hostOf = address => { try { return new URL(address).host; } catch { return address; } };

/** asked: the status event; the element goes when something else happens to the turn. */
export function consentCard(asked) {
  const problem = h("p", {class: "problem", role: "alert", hidden: true});
  const buttons = ["once", "always", "never"].map((said, at) => h("button", {type: "button", class: at ? "plain" : "primary", onclick: () => say(said)}, t(`consent_${said}`)));
  async function say(said) {
    for (const button of buttons) button.disabled = true;
    try {
      await call(`/api/tools/asked/${asked.ask_id}`, {method: "POST", body: {answer: said}});
    } catch (error) {
      problem.replaceChildren(error instanceof TypeError ? t("connection_lost") : explain(error));
      problem.hidden = false;
      for (const button of buttons) button.disabled = false;
    }
  }
  const title = t("consent_title", {tool: asked.tool});
  return h("section", {class: `consent${asked.is_outside ? " outside" : ""}`, "aria-label": title},
    h("h3", {}, title),
    h("p", {}, t(asked.is_outside ? "consent_outside" : "consent_inside", {host: hostOf(asked.goes_to)})),
    h("pre", {tabindex: "0", "aria-label": asked.tool}, asked.arguments),
    h("p", {}, t("consent_soon")), problem, h("div", {class: "buttons"}, buttons));
}

/** tools: {tool, arguments, outcome, ms} in their order. */
export function toolsCalled(tools) {
  return h("details", {class: "called"}, h("summary", {}, t("tools_called", {count: tools.length})), h("ul", {}, tools.map(one =>
    h("li", {}, h("b", {}, one.tool), " – ", t(one.outcome === "done" ? "tool_done" : "tool_not_done"), " ", h("br", {}), h("code", {}, one.arguments)))));
}
