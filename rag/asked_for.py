"""Which kind of thing a question asks for, where its words leave no doubt, and whether a text can hold one. Pure.

A passage without a single digit cannot be the ground of an answer to "what is the phone number of …", however near its
topic is. English and Spanish; a question of no such kind lacks nothing.
"""

from __future__ import annotations

import re

_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen|"
    "half|third|quarter|double|twice|once|single|both|several|few|no|none|free|all|most|majority|many|"
    "un|una|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|doce|trece|catorce|quince|dieciséis|diecisiete|"
    "dieciocho|diecinueve|veinte|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|cien|ciento|cientos|mil|"
    "miles|millón|millones|mitad|tercio|cuarto|doble|ningún|ninguno|ninguna|gratis|gratuito|varios|pocos|todos|mayoría"
)
_KINDS = (
    (  # a number to dial or to pay to
        re.compile(
            r"\b(?:phone|telephone|fax|mobile|extension|account|card) numbers?\b"
            r"|\bnúmero de (?:teléfono|fax|móvil|cuenta|extensión|tarjeta)\b|\b(?:teléfono|extensión) tiene\b"
            r"|\bcuál es el (?:teléfono|móvil|fax)\b",
            re.IGNORECASE,
        ),
        re.compile(r"\d{3}"),
    ),
    (  # an e-mail address
        re.compile(r"\be-?mail address|\bcorreo electrónico d|\bdirección de correo", re.IGNORECASE),
        re.compile("@"),
    ),
    (  # an amount, a duration, a share
        re.compile(
            r"\bhow (?:many|much|long|old|fast|far|tall|high|large|big|heavy)\b|\bcuánt[oa]s?\b"
            r"|\bqué (?:porcentaje|cantidad|precio)\b|\b(?:what|which) (?:percentage|percent|price|amount)\b",
            re.IGNORECASE,
        ),
        re.compile(rf"\d|\b(?:{_NUMBER_WORDS})\b", re.IGNORECASE),
    ),
    (re.compile(r"\b(?:what|which) year\b|\bqué año\b", re.IGNORECASE), re.compile(r"\d{2}")),
)


def lacks_kind(question: str, text: str) -> bool:
    """Whether the question asks for a kind of thing of which the text has none."""
    return any(asks.search(question) and not holds.search(text) for asks, holds in _KINDS)
