// Signing in: e-mail and password to /api/sessions, then the page that was asked for. The way by the company's
// provider is a plain link, and may be the only one on the page.
import {chooseLanguage, explain, language, t} from "./settings.js";

const form = document.getElementById("sign-in");
const problem = form?.querySelector(".problem");
const button = form?.querySelector("button[type=submit]");

function complain(sentence) {
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

async function signIn() {
  const {email, password} = Object.fromEntries(new FormData(form));
  if (!email.trim() || !password) return complain(t("fill_both"));
  complain("");
  const response = await fetch("/api/sessions", {method: "POST", headers: {"content-type": "application/json"},
    body: JSON.stringify({email: email.trim(), password})});
  if (response.ok) return location.pathname === "/sign-in" ? location.replace("/") : location.reload();
  const body = await response.json().catch(() => null);
  complain(explain(body?.error ?? {}));
  form.elements.password.select();
}

form?.addEventListener("submit", async event => {
  event.preventDefault();
  button.disabled = true;
  button.textContent = t("signing_in");
  try { await signIn(); } catch { complain(t("connection_lost")); }
  button.disabled = false;
  button.textContent = t("sign_in");
});
for (const choice of document.querySelectorAll("[data-language]")) {
  choice.setAttribute("aria-pressed", String(choice.dataset.language === language));
  choice.addEventListener("click", () => chooseLanguage(choice.dataset.language));
}
