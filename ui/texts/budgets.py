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

BUDGETS = {
    "budgets": Sentence("Budgets", "Presupuestos"),
    "budgets_lead": Sentence(
        "What may be spent in money. The cost is set aside before an answer and settled after it.",
        "Cuánto dinero se puede gastar. El coste se reserva antes de la respuesta y se liquida después.",
    ),
    "budgets_none": Sentence("There are no budgets.", "No hay presupuestos."),
    "budget_new": Sentence("New budget", "Nuevo presupuesto"),
    "budget_change": Sentence("Change budget", "Cambiar presupuesto"),
    "budget_whose": Sentence("For whom", "Para quién"),
    "budget_each": Sentence("Period", "Periodo"),
    "budget_each_day": Sentence("A day", "Al día"),
    "budget_each_month": Sentence("A month", "Al mes"),
    "budget_each_all_day": Sentence("a day", "al día"),
    "budget_each_all_month": Sentence("a month", "al mes"),
    "budget_each_cloud_day": Sentence("a day, for clouds", "al día, para la nube"),
    "budget_each_cloud_month": Sentence("a month, for clouds", "al mes, para la nube"),
    "budget_covers": Sentence("It counts", "Cuenta"),
    "budget_covers_all": Sentence("Everything that has a price", "Todo lo que tiene precio"),
    "budget_covers_cloud": Sentence("Clouds only", "Solo la nube"),
    "budget_amount": Sentence("Amount in {currency}", "Cantidad en {currency}"),
    "budget_spent": Sentence("Spent", "Gastado"),
    "budget_spent_of": Sentence("{spent} of {amount}", "{spent} de {amount}"),
    "budget_held": Sentence("Set aside", "Reservado"),
    "budget_whole": Sentence("Whole again", "Se renueva"),
    "budget_remove_of": Sentence("Remove the budget of {name}", "Quitar el presupuesto de {name}"),
    "budget_for_organisation": Sentence("The organisation", "La organización"),
    "budget_for_everyone": Sentence("Each person", "Cada persona"),
    "budget_for_group": Sentence("A group", "Un grupo"),
    "budget_for_user": Sentence("A person", "Una persona"),
    "budget_of_organisation": Sentence("The organisation's budget", "El presupuesto de la organización"),
    "budget_of_group": Sentence("Your group's budget", "El presupuesto de tu grupo"),
    "budget_of_user": Sentence("Your budget", "Tu presupuesto"),
    "budget_used": Sentence(
        "{whose} ({each}): {spent} of {amount} spent, over {level} %. Whole again on {moment}.",
        "{whose} ({each}): {spent} de {amount} gastados, más del {level} %. Se renueva el {moment}.",
    ),
    "budget_used_up": Sentence(
        "{whose} ({each}) is used up: {spent} of {amount}. Whole again on {moment}.",
        "{whose} ({each}) se ha agotado: {spent} de {amount}. Se renueva el {moment}.",
    ),
    "budget_read": Sentence("Understood", "Entendido"),
}
