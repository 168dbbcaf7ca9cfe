"""What axe-core and the Tab key find in a page: serious failings, controls out of reach, a focus that cannot be seen.

Nothing is excused. Gradio's tabs once had hidden stops and a button without a name (gradio-app/gradio issue 13635); the
version that is pinned has neither, and a later one that failed would fail here, to be listed with its issue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

GRAVE = ("serious", "critical")
PHONE = {"width": 390, "height": 844}

_LIVE = "!!window.axe"
_RUN = """async options => (await axe.run(document, {resultTypes: ["violations"], preload: false, ...options}))
  .violations.flatMap(({id, impact, nodes}) => nodes.map(({target, html, any, all, none}) => {
    const why = [...any, ...all, ...none].map(one => one.message).join(" ");
    return {rule: id, impact, at: target.flat().join(" "), html, why};
  }))"""


async def failings(page: Page, **options: Any) -> list[str]:
    """Serious and critical ones of our own making, a line each. options: of axe.run()."""
    if not await page.evaluate(_LIVE):
        await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate(_RUN, options)
    return [
        f"{one['rule']} ({one['impact']}) at {one['at']}: {one['html'][:200]} – {one['why']}"
        for one in found
        if one["impact"] in GRAVE
    ]


class Inspection:
    """Looks at a page as it stands, again and again; `found` is what is wrong with it. wide: its usual size."""

    def __init__(self, page: Page, wide: Any) -> None:
        self.found: list[str] = []
        self._page = page
        self._wide = wide

    async def look(self, where: str, *, on_phone: bool = True) -> None:
        """Every rule in light, the colours again in dark, and the rest again on a phone. Motion is off."""
        page = self._page
        await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        self._add(where, "dark", await failings(page, runOnly=["color-contrast"]))
        await page.emulate_media(color_scheme="light", reduced_motion="reduce")
        self._add(where, "light", await failings(page))
        if on_phone:
            await page.set_viewport_size(PHONE)
            self._add(where, "phone", await failings(page, rules={"color-contrast": {"enabled": False}}))
            await page.set_viewport_size(self._wide)

    def _add(self, where: str, how: str, lines: Sequence[str]) -> None:
        self.found += [f"{where}, {how}: {line}" for line in lines]


@dataclass(frozen=True)
class TabPath:
    """missed: controls that are shown and that Tab never comes to; unseen: those that do not show that they have it."""

    order: tuple[str, ...]
    missed: tuple[str, ...]
    unseen: tuple[str, ...]


async def tab_path(page: Page) -> TabPath:
    """Press Tab from the beginning of the page until the beginning comes again. Motion is off."""
    await page.emulate_media(reduced_motion="reduce")
    count = await page.evaluate(_COLLECT)
    met: list[dict[str, Any]] = []
    for _ in range(count + 60):  # scrolling regions are stops too
        await page.keyboard.press("Tab")
        stop = await page.evaluate(_STOP)
        if stop["at"] in [one["at"] for one in met if one["at"] >= 0]:
            break
        met.append(stop)
    missed = await page.evaluate(_MISSED, [one["at"] for one in met])
    named = [one for one in met if one["at"] >= 0]
    return TabPath(
        tuple(one["name"] for one in named),
        tuple(missed),
        tuple(one["name"] for one in named if not one["isSeen"]),
    )


# Controls through every shadow root, in the order of the page: shown, enabled, and meant to be stopped at. Of radio
# buttons only the chosen one is a stop. How each looks without the focus is kept, to be compared with later.
_COLLECT = r"""() => {
  const inside = one => one.shadowRoot ? deep(one.shadowRoot) : [];
  const deep = root => [...root.querySelectorAll("*")].flatMap(one => [one, ...inside(one)]);
  const up = one => one.parentElement ?? one.getRootNode().host ?? null;
  const chain = one => one ? [one, ...chain(up(one))] : [];
  const open = document.querySelector(".page-dialog")?.shadowRoot.querySelector("dialog[open]");
  const isInReach = one => !chain(one).some(at => at.inert) && (!open || chain(one).includes(open));
  const kinds = `a[href], button, input:not([type=hidden]), textarea, select, summary, [tabindex="0"]`;
  const chosen = one => one.getRootNode().querySelector(`[name="${one.name}"]:checked`);
  const isStop = one => one.matches(kinds) && one.tabIndex >= 0 && !one.disabled
    && one.checkVisibility({visibilityProperty: true}) && isInReach(one)
    && !(one.type === "radio" && !one.checked && chosen(one));
  const drawn = one => { const s = getComputedStyle(one);
    return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.borderColor, s.backgroundColor].join(); };
  const look = one => chain(one).slice(0, 5).map(drawn).join("|");
  const words = one => (one.ariaLabel ?? one.innerText ?? one.name ?? "").trim().slice(0, 60);
  const name = one => `${one.localName}.${one.className} "${words(one)}"`;
  document.activeElement?.blur();
  getSelection().collapse(document.body, 0);
  const controls = deep(document.body).filter(isStop);
  window.tabbing = {controls, before: controls.map(look), look, chain, name};
  return controls.length;
}"""
_STOP = r"""async () => {
  const {controls, before, look, chain, name} = window.tabbing;
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const at = controls.indexOf(one);
  if (at < 0) return {at, name: one?.localName ?? "", isSeen: true};
  const opacity = chain(one).reduce((share, node) => share * Number(getComputedStyle(node).opacity), 1);
  return {at, name: name(one), isSeen: look(one) !== before[at] && opacity > .9};
}"""
_MISSED = """met => window.tabbing.controls.filter((one, at) => one.isConnected && !met.includes(at))
  .map(window.tabbing.name)"""
