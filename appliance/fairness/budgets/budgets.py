"""What a call may cost is held before it is sent, in every budget that counts for it; fulfils port.Budgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from appliance.domain.answers import Cost
from appliance.domain.people import Caller
from appliance.errors import BudgetUncounted, CloudPriceUnknown, CloudRefusedByBudget, PartUnavailable
from appliance.fairness.accounting.pricing import ModelPrice
from appliance.fairness.budgets.caps import AppliedCap, CapTable, HasCaps
from appliance.fairness.budgets.counting import NoRoom
from appliance.fairness.budgets.keeping import BudgetKeeping
from appliance.fairness.budgets.money import answer_bound, micros_of, most_micros
from appliance.fairness.budgets.port import NOTHING_RESERVED, Reservation
from appliance.fairness.budgets.refusals import refusal
from appliance.fairness.budgets.settings import BudgetSettings
from appliance.fairness.budgets.windows import Window, span_of


class PriceList(Protocol):
    """`pricing.Prices` fulfils it."""

    @property
    def currency(self) -> str: ...

    @property
    def zone(self) -> tzinfo: ...

    def price_of(self, model: str, engine: str | None, at: datetime) -> ModelPrice | None:
        """What the ledger will take; None: none counts then."""
        ...


class MoneyBudgets:
    """One a process. policy: the caps that count now. on_refused: told of the windows that had no room."""

    def __init__(
        self,
        keeping: BudgetKeeping,
        policy: Callable[[], HasCaps],
        prices: PriceList,
        settings: BudgetSettings,
        now_ms: Callable[[], int],
        on_refused: Callable[[Sequence[Window]], None] = lambda _windows: None,
    ) -> None:
        self.keeping = keeping
        self._policy = policy
        self._prices = prices
        self._settings = settings
        self._now_ms = now_ms
        self._on_refused = on_refused
        self._table = CapTable(policy())

    async def reserve(
        self,
        caller: Caller,
        model: str,
        engine: str,
        is_cloud: bool,
        prompt_tokens: int,
        most_tokens: int | None,
        *,
        others: Sequence[str] = (),
        context_tokens: int | None = None,
        audio_seconds: float = 0.0,
    ) -> Reservation:
        """See port.Budgets.reserve."""
        prices = self._price_each(model, (engine, *others), is_cloud)
        caps = self._caps().caps_for(caller, is_cloud=is_cloud)
        if not caps or not prices:
            return NOTHING_RESERVED
        answer = answer_bound(
            prompt_tokens, most_tokens, context_tokens, self._settings.assumed_answer_tokens
        )
        most = max(most_micros(price, prompt_tokens, answer, audio_seconds) for price in prices)
        return await self.hold(caps, most, is_cloud=is_cloud)

    async def hold(self, caps: Sequence[AppliedCap], micros: int, *, is_cloud: bool) -> Reservation:
        """So much in all of these. Raises QuotaExceeded or BudgetUncounted; for a cloud CloudRefusedByBudget."""
        if not micros or not caps:
            return NOTHING_RESERVED
        windows = self.windows(caps)
        try:
            id, answer = await self.keeping.reserve(micros, windows)
        except PartUnavailable as error:
            uncounted = BudgetUncounted(error.detail)
            raise (CloudRefusedByBudget(uncounted) if is_cloud else uncounted) from error
        if isinstance(answer, NoRoom):
            refusing = [one for one, state in zip(windows, answer.states, strict=True) if not state.fits]
            self._on_refused(refusing)
            refused = refusal(windows, answer.states, micros, self._prices.currency, self._now_ms())
            raise CloudRefusedByBudget(refused) if is_cloud else refused
        return Reservation(id, micros, tuple(window.name for window in windows))

    def settle(self, reservation: Reservation, cost: Cost | None) -> None:
        """See port.Budgets.settle."""
        if reservation.id:
            self.keeping.settle(reservation.id, 0 if cost is None else micros_of(cost.amount))

    def may_spend(self, caller: Caller, *, is_cloud: bool) -> bool:
        """See port.Budgets.may_spend."""
        caps = self._caps().caps_for(caller, is_cloud=is_cloud)
        return not any(self.keeping.is_full(window) for window in self.windows(caps))

    def all_for(self, caller: Caller) -> tuple[AppliedCap, ...]:
        """Every cap that counts for somebody's calls, the clouds' too."""
        return self._caps().all_for(caller)

    def windows(self, caps: Sequence[AppliedCap]) -> tuple[Window, ...]:
        """In which these are counted now."""
        now_ms, zone = self._now_ms(), self._prices.zone
        return tuple(Window(cap, span_of(cap.window, now_ms, zone)) for cap in caps)

    def _price_each(self, model: str, engines: Sequence[str], is_cloud: bool) -> list[ModelPrice]:
        """Of those engines that have one. Raises CloudPriceUnknown."""
        at = datetime.fromtimestamp(self._now_ms() / 1000, UTC)
        found = {engine: self._prices.price_of(model, engine, at) for engine in engines}
        unpriced = [engine for engine, price in found.items() if price is None]
        if is_cloud and unpriced and self._settings.unpriced_cloud == "refuse":
            raise CloudPriceUnknown(
                f'Set [models.prices] "{model}@{unpriced[0]}" = {{input = …, output = …}}.'
            )
        return [price for price in found.values() if price is not None]

    def _caps(self) -> CapTable:
        policy = self._policy()
        if policy is not self._table.policy:
            self._table = CapTable(policy)
        return self._table
