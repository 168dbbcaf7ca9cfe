"""How well the index finds, on real questions: what docs/retrieval.md says must stay true."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.storage.database import Database
from scripts.eval_retrieval import LANGUAGES, Bench, figures, read
from tests.embedding_models import MODELS, built_model

# The judging half of XQuAD's questions, gold passage or its translation: what plain min-max fusion reached.
FUSION_ALONE = {"en": (0.941, 0.993), "es": (0.925, 0.993)}


@pytest.mark.battery
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_real_questions_find_their_passages(
    worker_database: Database, database: Database, test_data: Path
) -> None:
    """Fused is never more than .01 under the better list, and the last step is better still, in both languages."""
    built_model()
    documents, questions = read(test_data / "qa")
    bench = Bench(worker_database, database, MODELS)
    await bench.prepare(documents)
    for document in documents:
        await bench.index(document, cut=False)

    judging = [question for question in questions if question.is_judge]
    rankings = [await bench.rankings(question) for question in judging]

    for language in LANGUAGES:
        dense, lexical, fused, sharpened = (
            figures(judging, rankings, way, language, True) for way in ("dense", "BM25", "fused", "sharpened")
        )
        for better in (fused, sharpened):
            assert better.r1 >= max(dense.r1, lexical.r1) - 0.01
            assert better.r10 >= max(dense.r10, lexical.r10) - 0.01
        assert sharpened.r1 >= fused.r1
        assert sharpened.r1 > FUSION_ALONE[language][0]
        assert sharpened.r10 >= FUSION_ALONE[language][1] - 0.01
