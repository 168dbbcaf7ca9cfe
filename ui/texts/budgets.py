"""Budgets in money: what is said of one without room, and the page on which they are set and seen."""

from __future__ import annotations

from ui.texts.sentence import Sentence

BUDGET_ERRORS = {
    "budget_uncounted": Sentence(
        "What was spent of a budget cannot be counted just now. Try again in a moment.",
        "Ahora mismo no se puede contar lo gastado de un presupuesto. Prueba dentro de un momento.",
    ),
    "cloud_refused_by_budget": Sentence(
        "A budget set by an administrator leaves nothing for a cloud. Ask an administrator for more.",
        "Un presupuesto fijado por un administrador no deja nada para la nube. Pide más a un administrador.",
    ),
    "cloud_price_unknown": Sentence(
        "The cloud's model has no price, so nothing was sent. An administrator can set one in the configuration.",
        "El modelo de la nube no tiene precio y no se envió nada. Un administrador puede ponerlo en la configuración.",
    ),
}

_WHOSE = {
    "organisation": ("the organisation", "la organización"),
    "group": ("a group of this account", "un grupo de esta cuenta"),
    "user": ("this account", "esta cuenta"),
}
_COVERS = {"all": ("", ""), "cloud": (" for clouds", " para la nube")}
_WINDOWS = {"day": ("a day", "al día"), "month": ("a month", "al mes")}


def _used_up(whose: str, covers: str, window: str) -> Sentence:
    (who, quien), (what, para), (each, cada) = _WHOSE[whose], _COVERS[covers], _WINDOWS[window]
    return Sentence(
        f"The budget of {who}{what} is {{most}} {{currency}} {each}: {{spent}} are spent, {{held}} are held for "
        "answers under way, and this one may cost up to {needs}. It is whole again in {whole}.",
        f"El presupuesto de {quien}{para} es de {{most}} {{currency}} {cada}: hay {{spent}} gastados y {{held}} "
        "reservados para respuestas en curso, y esta puede costar hasta {needs}. Se renueva en {whole}.",
    )


BUDGET_REFUSALS = {
    f"budget_{covers}_{whose}_{window}": _used_up(whose, covers, window)
    for whose in _WHOSE
    for covers in _COVERS
    for window in _WINDOWS
} | {
    "budget_too_small": Sentence(
        "It may cost up to {needs} {currency}, and a whole budget is {most}. Ask for something shorter.",
        "Puede costar hasta {needs} {currency}, y un presupuesto entero es de {most}. Pide algo más corto.",
    ),
    "budget_wrong": Sentence(
        "The amount must be more than 0 and at most {most}.",
        "La cantidad debe ser mayor que 0 y como mucho {most}.",
    ),
}
