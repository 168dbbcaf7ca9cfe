"""What the doctor finds, as the page says it."""

from __future__ import annotations

from ui.texts.findings.clouds import CLOUDS
from ui.texts.findings.egress import EGRESS
from ui.texts.findings.engines import ENGINES
from ui.texts.findings.gpu import GPU
from ui.texts.findings.machine import MACHINE
from ui.texts.findings.parts import PARTS
from ui.texts.findings.pipelines import PIPELINES
from ui.texts.findings.sources import SOURCES
from ui.texts.findings.speech import SPEECH
from ui.texts.findings.trust import TRUST
from ui.texts.findings.use import USE
from ui.texts.findings.watchdog import WATCHDOG

FINDINGS = {
    **MACHINE,
    **GPU,
    **PARTS,
    **ENGINES,
    **CLOUDS,
    **EGRESS,
    **USE,
    **TRUST,
    **WATCHDOG,
    **SPEECH,
    **SOURCES,
    **PIPELINES,
}
