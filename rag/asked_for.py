"""Which kind of thing a question asks for, where its words leave no doubt, and whether a text can hold one. Pure.

A passage without a single digit cannot be the ground of an answer to "what is the phone number of …", however near its
topic is. English and Spanish; a question of no such kind lacks nothing.
"""

from __future__ import annotations

import re

_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|"
    "billions?|trillions?|dozens?|half|thirds?|quarters?|fifths?|double|triple|twice|once|single|both|several|few|"
    "none|free|pair|couple|most|majority|"
    "dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieciséis|diecisiete|"
    r"dieciocho|diecinueve|veinte|veinti\w+|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|cien|"
    r"cient[oa]s?|\w+cient[oa]s|mil|miles|mill[oó]n|millones|docenas?|mitad|tercios?|cuartos?|quint[oa]s?|doble|"
    "triple|ningun[oa]|gratis|gratuit[oa]s?|vari[oa]s|poc[oa]s|par|ambos|ambas|mayoría|únic[oa]"
)
# "un" and "a" are numbers before these alone.
_UNITS = (
    "día|hora|minuto|segundo|semana|mes|año|siglo|década|vez|euro|céntimo|dólar|kilo|gramo|metro|kilómetro|litro|"
    "tonelada|grado|punto|décimo|millar|centenar|docena|persona|sol[oa]|tercio|cuarto|quinto|millón"
)
_MEASURES = (
    "hour|day|week|month|year|minute|second|decade|century|quarter|third|half|dozen|hundred|thousand|million|"
    "billion|single|euro|dollar|metre|meter|mile"
)
_NUMBER = rf"\d|\b(?:{_NUMBER_WORDS})\b|\bun[ao]? (?:{_UNITS})\b|\ban? (?:{_MEASURES})\b"
_TIMES = (
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "(?:mon|tues|wednes|thurs|fri|satur|sun)days?|spring|summer|autumn|winter|"
    "noon|midnight|mornings?|evenings?|afternoons?|nights?|days?|weeks?|months?|years?|centur(?:y|ies)|hours?|minutes?|"
    r"annual\w*|yearly|monthly|weekly|daily|when\w*|before|after|until|during|while|immediately|always|never|now|"
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre|"
    "lunes|martes|miércoles|jueves|viernes|sábados?|domingos?|primavera|verano|otoño|invierno|"
    "mediodía|medianoche|mañanas?|tardes?|noches?|días?|semanas?|mes|meses|años?|siglos?|horas?|minutos?|"
    r"anual\w*|mensual\w*|semanal\w*|diari\w+|cuando|antes|después|tras|hasta|durante|mientras|al|inmediat\w*|"
    "siempre|nunca|ahora"
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
    (  # an amount, a duration, a share, a measure
        re.compile(
            r"\bhow (?:many|much|long|old|fast|far|tall|high|large|big|heavy|often)\b|\bcuánt[oa]s?\b"
            r"|\bqué (?:porcentaje|cantidad|precio|velocidad|temperatura|distancia|edad|peso|altura|longitud)\b"
            r"|\b(?:what|which) (?:percentage|percent|price|amount|speed|temperature|distance|age|height|weight)\b",
            re.IGNORECASE,
        ),
        re.compile(_NUMBER, re.IGNORECASE),
    ),
    (  # a time
        re.compile(
            r"^\W*(?:(?:in|on|by|at|since|until) )?(?:when|(?:what|which) (?:time|date|day|month))\b"
            r"|\bcuándo\b|\ba qué hora\b|\ben qué (?:fecha|día|mes|año)\b",
            re.IGNORECASE,
        ),
        re.compile(rf"{_NUMBER}|\b(?:{_TIMES})\b", re.IGNORECASE),
    ),
    (re.compile(r"\b(?:what|which) year\b|\bqué año\b", re.IGNORECASE), re.compile(r"\d{2}")),
)


def lacks_kind(question: str, text: str) -> bool:
    """Whether the question asks for a kind of thing of which the text has none."""
    return any(asks.search(question) and not holds.search(text) for asks, holds in _KINDS)
