"""Ways to answer that are offered as model names. A new one is one file and one line here."""

PIPELINES = {
    "answer-with-sources": "appliance.pipelines.answer_with_sources:AnswerWithSources",
}
