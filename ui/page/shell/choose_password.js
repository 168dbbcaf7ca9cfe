// Choosing a password with a one-time link. Its token stands behind #, so it is sent in a body and in no address.
import {chooseLanguage, explain, language, t} from "./settings.js";

const form = document.getElementById("choose-password");
const problem = form.querySelector(".problem");
const button = form.querySelector("button[type=submit]");
const room = location.pathname === "/invitation" ? "/api/invitations" : "/api/password-resets";
const token = location.hash.slice(1);

function complain(sentence) {
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

async function post(path, body) {
  const response = await fetch(path, {method: "POST", headers: {"content-type": "application/json"},
    body: JSON.stringify(body)});
  if (response.ok) return response.status === 204 ? null : response.json();
  const told = await response.json().catch(() => null);
  throw new Refused(explain(told?.error ?? {}));
}

class Refused extends Error {}

async function attempt(work) {
  complain("");
  button.disabled = true;
  try { await work(); } catch (error) { complain(error instanceof Refused ? error.message : t("connection_lost")); }
  button.disabled = false;
}

await attempt(async () => {
  const link = await post(`${room}/look`, {token: token || "-"});
  form.elements.email.value = link.email;
  form.querySelector(".hint").textContent = t("link_password_hint", {count: link.min_password_length});
});
form.addEventListener("submit", event => {
  event.preventDefault();
  const email = form.elements.email.value, password = form.elements.password.value;
  if (!email || !password) return complain(t(email ? "fill_both" : "error.link_not_valid"));
  attempt(async () => {
    await post(`${room}/use`, {token, password});
    await post("/api/sessions", {email, password});
    location.replace("/");
  });
});
for (const choice of document.querySelectorAll("[data-language]")) {
  choice.setAttribute("aria-pressed", String(choice.dataset.language === language));
  choice.addEventListener("click", () => chooseLanguage(choice.dataset.language));
}
