"""What is said of a budget in money that has no room; one sentence for each kind of budget."""

from __future__ import annotations

_WHOSE = {"organisation": "the organisation", "group": "a group of this account", "user": "this account"}
_COVERS = {"all": "", "cloud": " for clouds"}

BUDGETS = {
    f"budget_{covers}_{whose}_{window}": f"The budget of {subject}{what} is {{most}} {{currency}} a {window}: "
    "{spent} are spent, {held} are held for answers under way, and this one may cost up to {needs}. "
    "It is whole again in {whole}."
    for whose, subject in _WHOSE.items()
    for covers, what in _COVERS.items()
    for window in ("day", "month")
} | {
    "budget_too_small": "It may cost up to {needs} {currency}, and a whole budget is {most}. Shorten it, or set a "
    "smaller `max_tokens`.",
    "budget_wrong": "`amount` must be more than 0 and at most {most}.",
}
