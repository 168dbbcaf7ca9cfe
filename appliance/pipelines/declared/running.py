"""One run of a declared pipeline: step after step, each within its time, each told as it begins and ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from appliance.domain.answers import Cited, Finished, TextDelta
from appliance.domain.origins import together
from appliance.domain.pipelines import StepOutcome, Stepped, StepRun
from appliance.errors import ApplianceError, StepTimedOut
from appliance.pipelines.declared import expressions
from appliance.pipelines.declared.asking_model import prompt
from appliance.pipelines.declared.calling import call
from appliance.pipelines.declared.finding_passages import rerank, retrieve
from appliance.pipelines.declared.other_steps import sql, transcribe
from appliance.pipelines.declared.parts import Done, Setting
from appliance.pipelines.declared.results import Result
from appliance.pipelines.declared.schema import END, BranchStep, PipelineFile, Step
from inference.errors import InferenceError
from inference.types import Usage
from querying.errors import QueryingError
from rag.errors import RagError

_STEPS: Mapping[str, Callable[[Any, Setting], Awaitable[Done]]] = {
    "retrieve": retrieve,
    "rerank": rerank,
    "prompt": prompt,
    "sql": sql,
    "transcribe": transcribe,
    "call": call,
}
_ENDED = {"en": "This pipeline ended without a result.", "es": "Este flujo terminó sin resultado."}


class Run:
    """setting: of the whole run; each step gets its own of it."""

    def __init__(self, file: PipelineFile, setting: Setting) -> None:
        self._file = file
        self._setting = setting
        self._steps: Sequence[Step] = file.steps
        self._numbers = {step.name: number for number, step in enumerate(file.steps)}
        self._answer: Done | None = None
        self._said = ""
        self._usage = Usage()
        self._prompts: list[str] = []

    async def run(self) -> None:
        """Tell everything to the asker, Finished last. Raises what a step raises, and StepTimedOut."""
        most = min(self._file.timeout_s or self._setting.parts.limits.run_s, self._setting.parts.limits.run_s)
        try:
            async with asyncio.timeout(most):
                await self._follow()
        except TimeoutError as error:
            raise StepTimedOut(f"The pipeline {self._file.name} took more than {most:g} s.") from error
        await self._end()

    async def _follow(self) -> None:
        number = 0
        while number < len(self._steps):  # every way leads on: it ends after as many steps as there are
            following = await self._step(number, self._steps[number])
            if following == END:
                return
            number = number + 1 if following is None else self._numbers[following]

    async def _step(self, number: int, step: Step) -> str | None:
        """Returns which step follows; None: the next one."""
        began = time.perf_counter()
        if isinstance(step, BranchStep):
            await self._tell(number, step, "running")
            following = self._branch(step)
            to = following or step.then
            await self._tell(number, step, "done", began, figures={"to": to} if to else {})
            return to
        is_answer = self._answer is None and step.name in self._file.outputs
        setting = replace(self._setting, is_answer=is_answer)
        limits, kind = setting.parts.limits, str(step.kind)  # type: ignore[attr-defined]
        most = min(step.timeout_s or limits.step_s, limits.run_s)
        await self._tell(number, step, "running")
        try:
            async with asyncio.timeout(most):
                with setting.parts.span(setting.signature, step.name, kind):
                    done = await _STEPS[kind](step, setting)
        except TimeoutError as error:
            await self._tell(number, step, "timed_out", began, error="step_timed_out")
            raise StepTimedOut(f"The step {step.name} took more than {most:g} s.") from error
        except (ApplianceError, InferenceError, QueryingError, RagError) as error:
            await self._tell(number, step, "failed", began, error=error.code)
            raise
        self._note(step, done, is_answer=is_answer)
        await self._tell(number, step, "done", began, done=done)
        return step.then

    def _branch(self, step: BranchStep) -> str | None:
        for case in step.cases:
            if expressions.holds(expressions.parse(case.when), self._setting.values.value):
                if case.say is not None:
                    self._said = case.say.es if self._setting.language == "es" else case.say.en
                    return END
                return case.go_to
        return None

    def _note(self, step: Step, done: Done, *, is_answer: bool) -> None:
        self._setting.values.results[step.name] = done.result
        used = done.ending.usage
        self._usage = Usage(
            self._usage.prompt_tokens + used.prompt_tokens,
            self._usage.completion_tokens + used.completion_tokens,
            self._usage.cached_tokens + used.cached_tokens,
        )
        self._prompts += [one for one in done.ending.prompts if one not in self._prompts]
        if is_answer:
            self._answer = done

    async def _tell(
        self,
        number: int,
        step: Step,
        outcome: StepOutcome,
        began: float | None = None,
        *,
        done: Done | None = None,
        figures: Mapping[str, int | float | str] | None = None,
        error: str = "",
    ) -> None:
        used = Usage() if done is None else done.ending.usage
        told = StepRun(
            step.name,
            step.kind,  # type: ignore[attr-defined]
            outcome,
            0.0 if began is None else (time.perf_counter() - began) * 1000,
            used.prompt_tokens,
            used.completion_tokens,
            error,
            figures if figures is not None else {} if done is None else done.figures,
        )
        result = Result("", {}, together()) if done is None else done.result
        await self._setting.emit(
            Stepped(
                self._setting.signature, number + 1, len(self._steps), told, result.origins, result.as_json()
            )
        )

    async def _end(self) -> None:
        setting, done = self._setting, self._answer
        if self._said:
            await setting.emit(TextDelta(self._said if done is None else f"\n\n{self._said}"))
        if done is None:
            if not self._said:
                await setting.emit(TextDelta(f"_{_ENDED[setting.language]}_"))
            await setting.emit(Cited(()))
            ending = Finished("written" if self._said else "refused")
        else:
            if not done.is_told and done.result.text:
                await setting.emit(TextDelta(done.result.text))
            await setting.emit(done.cited or Cited(()))
            ending = done.ending
        await setting.emit(
            replace(
                ending,
                usage=self._usage,
                model=self._file.name,
                prompts=tuple(self._prompts),
                pipeline=setting.signature,
            )
        )


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel it and wait until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await asyncio.gather(task, return_exceptions=True)
