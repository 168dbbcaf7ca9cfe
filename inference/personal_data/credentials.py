"""Secrets of machines: keys of well-known services and of this one, private keys, passwords that are named as such."""

from __future__ import annotations

import re

from inference.personal_data.rules import NO, Judged, Named, Rule

_KEY = re.compile(
    r"(?<![A-Za-z0-9_\-])(?:"
    r"sk-[A-Za-z0-9_\-]{20,200}+"  # OpenAI, Anthropic (sk-ant-), OpenRouter (sk-or-)
    r"|ap[ld]_[A-Za-z0-9_\-]{16,400}+"  # this appliance
    r"|gh[oprsu]_[A-Za-z0-9]{30,255}+|github_pat_[A-Za-z0-9_]{30,255}+|glpat-[A-Za-z0-9_\-]{20,60}+"
    r"|xox[abeoprs]-[A-Za-z0-9\-]{10,200}+"  # Slack
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"  # AWS
    r"|AIza[A-Za-z0-9_\-]{35}|ya29\.[A-Za-z0-9_\-]{20,400}+"  # Google
    r"|hf_[A-Za-z0-9]{30,60}+|npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_\-]{50,400}+"
    r"|[rsp]k_(?:live|test)_[A-Za-z0-9]{20,200}+|whsec_[A-Za-z0-9]{24,80}+"  # Stripe
    r"|SG\.[A-Za-z0-9_\-]{16,40}+\.[A-Za-z0-9_\-]{20,80}+"  # SendGrid
    r"|[0-9]{8,10}:AA[A-Za-z0-9_\-]{32,36}+"  # Telegram
    r"|eyJ[A-Za-z0-9_\-]{10,4000}+\.eyJ[A-Za-z0-9_\-]{10,8000}+\.[A-Za-z0-9_\-]{10,2000}+"  # a signed token
    r")"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PRIVATE_KEY_END = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/=\s:,\-\\]{0,16000}+")
_IN_ADDRESS = re.compile(r"(?<![a-z0-9+])[a-z][a-z0-9+]{1,15}://[^\s/:@]{0,80}:([^\s/@]{1,120})@")
_BEARER = re.compile(r"(?<!\w)(?:[Bb]earer|[Bb]asic)[ ]([A-Za-z0-9_\-.+/=~]{16,4000}+)")
_NAMED = re.compile(
    r"(?<![A-Za-z])(?:pass(?:word|wd|phrase)?|pwd|secret(?:[_ \-]?(?:access[_ \-]?)?key)?|api[_ \-]?key|token|pin"
    r"|access[_ \-]?(?:key|token)|auth[_ \-]?token|client[_ \-]?secret|contraseñas?"
    r"|clave(?:[ ](?:de[ ]acceso|secreta|api|wifi|del[ ]wifi))?)"
    r"[\"']?[ ]?(?:[:=]|=>|is|es)[ ]?[\"'`«]?([^\s\"'`»,;]{4,200}+)",
    re.IGNORECASE,
)


def _certain(match: re.Match[str], _named: Named) -> Judged:
    return Judged(0.97, match.end())


def _private_key(match: re.Match[str], _named: Named) -> Judged:
    """To its end; one that is cut off: as far as it can be a key."""
    text, after = match.string, match.end()
    if last := _PRIVATE_KEY_END.search(text, after, after + 16_000):
        return Judged(0.99, last.end())
    body = _KEY_TEXT.match(text, after)
    return Judged(0.9, body.end() if body and body.end() - after > 20 else after)


def _password(match: re.Match[str], _named: Named) -> Judged:
    """`contraseña: debe tener…` names no password: one has letters and digits or signs, or is all digits of a PIN."""
    value = match[1].rstrip(".)")
    has_digit, has_letter = any(map(str.isdigit, value)), any(map(str.isalpha, value))
    has_sign = any(not sign.isalnum() and sign not in "-_/.:()" for sign in value)
    is_pin = value.isdigit() and 4 <= len(value) <= 8
    if not is_pin and (len(value) < 6 or not ((has_digit and has_letter) or (has_sign and has_letter))):
        return NO
    return NO if value.startswith(("[", "<", "{", "$")) else Judged(0.8, match.start(1) + len(value))


CREDENTIALS = (
    Rule("secret", _KEY, _certain),
    Rule("secret", _PRIVATE_KEY, _private_key),
    Rule("secret", _IN_ADDRESS, _certain),
    Rule("secret", _BEARER, _certain),
    Rule("secret", _NAMED, _password),
)
