"""The HTML around the page: signing in, waiting for the ui, and our parts put into the ui's own page.

Whatever is put into a script is JSON with `<`, `>` and `&` escaped; a language is one of a closed list. No template
here takes text from a person other than through those two ways.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from urllib.parse import urlencode

import orjson

from appliance.api.page_assets import LANGUAGES, PageAssets
from appliance.domain.people import Caller, Language

_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
_SOCIAL_META = re.compile(r'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>\s*')
_BASE = '<base href="./" />'
_SLOT = "<gradio-app"
COMPANY_SIGN_IN = "/api/sign-in/oidc"
_OUR_ELEMENTS = "<page-header></page-header>\n<chat-transcript></chat-transcript>\n"

# `unsafe-inline` for styles: Gradio writes style attributes, which a nonce does not cover.
_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self'; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)

_HEAD = Template(
    """<script nonce="$nonce">
for (const [name, value] of [["language", "$language"], ["languages", ["$language"]]])
  Object.defineProperty(navigator, name, {get: () => value});
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {}
</script>
<meta name="color-scheme" content="light dark">
<link rel="icon" type="image/svg+xml" href="$icon">
$fonts
<link rel="stylesheet" href="$style">
<script type="application/json" id="page-settings">$settings</script>
$needs
<script type="module" nonce="$nonce" src="$script"></script>
"""
)
_DOCUMENT = Template(
    """<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<base href="/">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
$head</head>
<body class="$kind">
$body
</body>
</html>
"""
)


class PageNotUsable(Exception):
    """The ui sent a page that our parts cannot be put into."""


@dataclass(frozen=True, slots=True)
class View:
    """For whom and how a page is made. nonce: fresh for each response."""

    language: Language
    nonce: str
    caller: Caller | None = None

    @property
    def policy(self) -> str:
        """The Content-Security-Policy that goes with the page."""
        return _POLICY.format(nonce=self.nonce)


@dataclass(frozen=True, slots=True)
class SignInOffer:
    """What the sign-in page offers. company: the button's words, empty for our own; None: there is no provider.

    problem: an error's code, said above. next_path: a page of ours to go to by way of the provider.
    """

    company: Mapping[Language, str] | None = None
    shows_password: bool = True
    problem: str = ""
    next_path: str = "/"


def preferred_language(chosen: str | None, profile: Language | None, accept_language: str) -> Language:
    """chosen: what the switch on the page was set to; then the profile; then the browser; then English."""
    for language in LANGUAGES:
        if chosen == language:
            return language
    if profile is not None:
        return profile
    ranked: list[tuple[float, int, Language]] = []
    for position, item in enumerate(accept_language.split(",")[:20]):
        tag, _, quality = item.strip().partition(";q=")
        for language in LANGUAGES:
            if tag.lower().partition("-")[0] == language:
                ranked.append((-_quality(quality), position, language))
    return min(ranked)[2] if ranked else "en"


def sign_in_page(assets: PageAssets, view: View, offer: SignInOffer | None = None) -> str:
    """Asks for e-mail and password, or leads to the company's provider; complete without the ui and a session."""
    offer = offer or SignInOffer()
    text = _escaped(assets, view.language)
    parts = []
    if offer.problem:
        sentence = text.get(f"error.{offer.problem}", text["error.company_sign_in_failed"])
        parts.append(f'<p class="problem" role="alert">{sentence}</p>')
    if offer.company is not None:
        label = html.escape(offer.company[view.language]) or text["sign_in_company"]
        wish = f"?{urlencode({'next': offer.next_path})}" if offer.next_path != "/" else ""
        parts.append(f'<a class="company" href="{html.escape(COMPANY_SIGN_IN + wish)}">{label}</a>')
    if offer.shows_password:
        # Beside the button the form waits for those who want it: no keyboard opens, nothing is said of a first start.
        is_alone = offer.company is None
        between = "" if is_alone else f'<p class="or">{text["sign_in_or"]}</p>'
        parts.append(between + Template(_FORM).substitute(text, focus=" autofocus" if is_alone else ""))
        parts += [f'<p class="hint">{text["sign_in_first"]}</p>'] if is_alone else []
    elif offer.problem:
        parts.append(f'<p class="hint"><a href="/sign-in?local">{text["sign_in_local"]}</a></p>')
    icon = assets.address("shell/icon.svg")
    body = Template(_SIGN_IN).substitute(text, icon=icon, ways="\n".join(parts))
    return _document(assets, view, "sign-in", "shell/sign_in.js", body)


def link_page(assets: PageAssets, view: View, lead: str) -> str:
    """Asks for a new password; the one-time link's token stands behind # and is the script's business.

    lead: key of the sentence on top.
    """
    text = _escaped(assets, view.language)
    body = Template(_LINK).substitute(text, icon=assets.address("shell/icon.svg"), lead=text[lead])
    return _document(assets, view, "sign-in", "shell/choose_password.js", body)


def waiting_page(assets: PageAssets, view: View) -> str:
    """The chat alone, usable, while the rest of the page is starting."""
    sentence = _escaped(assets, view.language)["waiting_ui"]
    body = f'{_OUR_ELEMENTS}<p id="waiting-ui" role="status">{sentence}</p>'
    return _document(assets, view, "waiting", "shell/page.js", body)


def page_around(gradio: str, assets: PageAssets, view: View) -> str:
    """The ui's page with our head, our elements before its own, and the nonce on every script.

    Raises PageNotUsable where the ui's page is not the one this was written for.
    """
    if gradio.count(_BASE) != 1 or gradio.count(_SLOT) != 1:
        raise PageNotUsable
    page = _SOCIAL_META.sub("", gradio)
    # Gradio writes its configuration with < as \u003c, so each "<script" that is found is one of its own.
    page = page.replace("<script", f'<script nonce="{view.nonce}"')
    page = page.replace(_BASE, '<base href="/">\n' + _head(assets, view, "shell/page.js"))
    return page.replace(_SLOT, _OUR_ELEMENTS + _SLOT)


def script_json(value: object) -> str:
    """JSON that may stand inside a script element."""
    return orjson.dumps(value).decode().translate(_ESCAPES)


def _document(assets: PageAssets, view: View, kind: str, script: str, body: str) -> str:
    title = _escaped(assets, view.language)["product"]
    head = _head(assets, view, script)
    return _DOCUMENT.substitute(language=view.language, title=title, head=head, kind=kind, body=body)


def _head(assets: PageAssets, view: View, script: str) -> str:
    settings = {
        "language": view.language,
        "email": view.caller.email if view.caller else None,
        "role": view.caller.role.value if view.caller else None,
        "texts": assets.texts[view.language],
    }
    needs = [
        f'<link rel="modulepreload" href="{assets.address(one)}">' for one in assets.needs.get(script, ())
    ]
    fonts = [
        f'<link rel="preload" as="font" type="font/woff2" href="{assets.address(one)}" crossorigin>'
        for one in assets.fonts
    ]
    return _HEAD.substitute(
        fonts="\n".join(fonts),
        needs="\n".join(needs),
        nonce=view.nonce,
        language=view.language,
        icon=assets.address("shell/icon.svg"),
        style=assets.address("shell/page.css"),
        script=assets.address(script),
        settings=script_json(settings),
    )


def _escaped(assets: PageAssets, language: Language) -> Mapping[str, str]:
    return {key: html.escape(sentence) for key, sentence in assets.texts[language].items()}


def _quality(value: str) -> float:
    try:
        return float(value) if value else 1.0
    except ValueError:
        return 0.0


_LINK = """<main class="card">
<header><img src="$icon" alt="" width="44" height="44"><h1>$product</h1><p>$lead</p></header>
<form id="choose-password" novalidate>
<label>$email<input name="email" type="email" autocomplete="username" readonly></label>
<label>$link_password<input name="password" type="password" autocomplete="new-password" required autofocus></label>
<p class="problem" role="alert" hidden></p>
<button type="submit">$link_save</button>
<p class="hint"></p>
</form>
<nav aria-label="$language_label"><button type="button" lang="en" data-language="en">English</button>
<button type="button" lang="es" data-language="es">Español</button></nav>
<noscript>$needs_script</noscript>
</main>"""
_FORM = """<form id="sign-in" novalidate>
<label>$email<input name="email" type="email" autocomplete="username" required$focus></label>
<label>$password<input name="password" type="password" autocomplete="current-password" required></label>
<p class="problem" role="alert" hidden></p>
<button type="submit">$sign_in</button>
</form>"""
_SIGN_IN = """<main class="card">
<header><img src="$icon" alt="" width="44" height="44"><h1>$product</h1><p>$sign_in_lead</p></header>
$ways
<nav aria-label="$language_label"><button type="button" lang="en" data-language="en">English</button>
<button type="button" lang="es" data-language="es">Español</button></nav>
<noscript>$needs_script</noscript>
</main>"""
