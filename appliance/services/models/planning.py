"""Which models fit on this box: the cards, what lies on its disk and a path, planned for its hardware or another's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appliance.domain.people import Caller
from appliance.errors import InvalidRequest
from appliance.services.accounts.people import require_reader
from inference.errors import ModelNotFound
from inference.hardware import Hardware
from inference.library import ModelLibrary
from inference.models.catalogue import Card, Catalogue
from inference.models.shape import ModelShape, describe_model
from inference.placement import words
from inference.placement.known_gpus import UnknownGpu, imagined
from inference.placement.measured import MeasuredUse
from inference.placement.planner import Plan, Wish, plan

Json = dict[str, Any]
MOST_PEOPLE, MOST_CONTEXT = 1_000_000, 16_777_216
LEAST_CONTEXT = 256


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what it is of. card: of the planned file, None where no catalogue has it.

    is_own_file: by the files on this disk.
    """

    asked: str
    wish: Wish
    plan: Plan
    card: Card | None
    shape: ModelShape
    is_own_file: bool


class ModelPlanning:
    """read_hardware: blocks for some milliseconds; asked anew each time."""

    def __init__(
        self,
        catalogue: Catalogue,
        library: ModelLibrary,
        measured: MeasuredUse,
        read_hardware: Callable[[], Hardware],
    ) -> None:
        self._catalogue = catalogue
        self._library = library
        self._measured = measured
        self._read_hardware = read_hardware

    def hardware(self, caller: Caller | None, gpu: str = "") -> Hardware:
        """What is here, with the GPUs of another box where gpu names some. caller: None: on the box's own terminal.

        Raises InvalidRequest for a GPU that nobody knows.
        """
        if caller is not None:
            require_reader(caller)
        here = self._read_hardware()
        if not gpu:
            return here
        try:
            return replace(here, gpus=imagined(gpu))
        except UnknownGpu as error:
            raise InvalidRequest(str(error), param="gpu") from error

    def plan(self, caller: Caller | None, name: str, wish: Wish, gpu: str = "") -> Planned:
        """name: of a card, of a model in the library, a hub's repository; on the own terminal also a path.

        Raises ModelNotFound, ModelUnreadable, InvalidRequest.
        """
        hardware = self.hardware(caller, gpu)
        shape, card, is_own = self._shape(name, may_be_path=caller is None)
        return self._planned(name, shape, card, is_own, wish, hardware)

    def overview(
        self, caller: Caller | None, wish: Wish, gpu: str = "", *, every_file: bool = False
    ) -> list[Planned]:
        """Of each language model the best that can be had here; every_file: of each quantisation by itself."""
        hardware = self.hardware(caller, gpu)
        found = []
        for card in self._catalogue.cards:
            if card.shape is None or (not every_file and card.name != card.model):
                continue
            told = replace(wish, may_quantise=not every_file and wish.may_quantise)
            found.append(self._planned(card.name, card.shape, card, False, told, hardware))
        return found

    def side_cards(self) -> list[Card]:
        """Embedders, rerankers and speech models."""
        return [card for card in self._catalogue.cards if card.shape is None]

    def _planned(
        self, name: str, shape: ModelShape, card: Card | None, is_own: bool, wish: Wish, hardware: Hardware
    ) -> Planned:
        others = self._catalogue.alternatives(shape)
        made = plan(shape, hardware, wish, others, self._measured.read())
        if made.model != shape.name:
            card = self._catalogue.find(made.model)
        return Planned(name, wish, made, card, shape, is_own)

    def _shape(self, name: str, *, may_be_path: bool) -> tuple[ModelShape, Card | None, bool]:
        installed = self._library.find(name)
        if installed is not None:
            return replace(describe_model(installed.path), name=name), self._catalogue.find(name), True
        card = self._catalogue.find(name)
        if card is not None and card.shape is not None:
            return card.shape, card, False
        if card is not None:
            raise InvalidRequest(
                f"{card.title} is no language model: it takes about {2 * card.weight_bytes / 2**30:.1f} GiB of memory "
                "in a process of its own, whatever the GPU.",
                param="model",
            )
        path = Path(name).expanduser()
        if may_be_path and path.exists():
            return describe_model(path), None, True
        known = [
            card.name for card in self._catalogue.cards if card.shape is not None and card.name == card.model
        ]
        raise ModelNotFound(name, known)


def checked_wish(people: int = 20, context: int = 16_384) -> Wish:
    """Raises InvalidRequest for what no box is asked."""
    if not 1 <= people <= MOST_PEOPLE:
        raise InvalidRequest(f"people is a number from 1 to {MOST_PEOPLE:,}.", param="people")
    if not LEAST_CONTEXT <= context <= MOST_CONTEXT:
        raise InvalidRequest(
            f"context is a number of tokens from {LEAST_CONTEXT} to {MOST_CONTEXT:,}.", param="context"
        )
    return Wish(context_tokens=context, people=people)


def hardware_json(hardware: Hardware) -> Json:
    """As /api/hardware and the command tell it."""
    return {
        "gpus": [
            {
                "index": gpu.index,
                "name": gpu.name,
                "driver": gpu.driver,
                "memory_bytes": gpu.memory_bytes,
                "memory_used_bytes": gpu.memory_used_bytes,
                "compute_capability": None
                if gpu.compute_capability is None
                else "{}.{}".format(*gpu.compute_capability),
                "temperature_c": gpu.temperature_c,
                "power_w": gpu.power_w,
                "power_limit_w": gpu.power_limit_w,
            }
            for gpu in hardware.gpus
        ],
        "cpu": {
            "model": hardware.cpu.model,
            "cores": hardware.cpu.cores,
            "flags": list(hardware.cpu.flags),
        },
        "ram_bytes": hardware.ram_bytes,
        "ram_free_bytes": hardware.ram_free_bytes,
        "disk_free_bytes": hardware.disk_free_bytes,
    }


def planned_json(planned: Planned) -> Json:
    """A plan with its arithmetic; sentences are English, codes and values are for other languages."""
    made, wish = planned.plan, planned.wish
    return {
        "asked": planned.asked,
        "model": made.model,
        "is_own_file": planned.is_own_file,
        "verdict": made.verdict,
        "sentence": words.verdict_sentence(made),
        "engine": made.engine,
        "gpus": list(made.gpus),
        "context_tokens": made.context_tokens,
        "wanted_context_tokens": wish.context_tokens,
        "people": wish.people,
        "slots": made.slots,
        "wanted_slots": wish.wanted_slots,
        "slots_sentence": words.slots_sentence(wish),
        "kv_dtype": made.kv_dtype,
        "kv_tokens": made.kv_tokens,
        "utilisation": made.utilisation,
        "max_batched_tokens": made.max_batched_tokens,
        "max_running": made.max_running,
        "needed_bytes": made.needed_bytes,
        "available_bytes": made.available_bytes,
        "weight_bytes": made.weight_bytes,
        "is_measured": made.is_measured,
        "steps": [
            {
                "code": line.code,
                "kind": line.kind,
                "size_bytes": line.size_bytes,
                "values": dict(line.values),
                "sentence": words.step_sentence(line),
            }
            for line in made.steps
        ],
        "given_up": [
            {"code": code, "sentence": sentence}
            for code, sentence in zip(made.given_up, words.given_up_sentences(made, wish), strict=True)
        ],
        "card": None if planned.card is None else card_json(planned.card),
    }


def card_json(card: Card) -> Json:
    """A card as /api/models/catalogue tells it."""
    return {
        "name": card.name,
        "model": card.model,
        "title": card.title,
        "purpose": card.purpose,
        "quantisation": card.quantisation,
        "repository": card.repository,
        "file": card.file,
        "ollama": card.ollama,
        "licence": card.licence,
        "is_gated": card.is_gated,
        "languages": list(card.languages),
        "parameters": card.parameters,
        "weight_bytes": card.weight_bytes,
        "longest_context": card.longest_context,
        "dimension": card.dimension,
        "note": card.note,
    }
