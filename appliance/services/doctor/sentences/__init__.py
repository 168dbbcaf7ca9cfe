"""Every finding that the doctor may have, by its id. The page has them in its languages (`ui/texts/findings`)."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.services.doctor.sentences.clouds import CLOUDS
from appliance.services.doctor.sentences.egress import EGRESS
from appliance.services.doctor.sentences.engines import ENGINES
from appliance.services.doctor.sentences.gpu import GPU
from appliance.services.doctor.sentences.machine import MACHINE
from appliance.services.doctor.sentences.parts import PARTS
from appliance.services.doctor.sentences.pipelines import PIPELINES
from appliance.services.doctor.sentences.sources import SOURCES
from appliance.services.doctor.sentences.speech import SPEECH
from appliance.services.doctor.sentences.trust import TRUST
from appliance.services.doctor.sentences.use import USE
from appliance.services.doctor.sentences.watchdog import WATCHDOG
from appliance.services.doctor.words import Words

SENTENCES: Mapping[str, Words] = {
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
