"""What is said of a prompt that cannot be saved; part of `domain.refusals.SENTENCES`."""

from __future__ import annotations

from collections.abc import Mapping

PROMPTS: Mapping[str, str] = {
    "prompt_name_wrong": "A prompt's name has small letters, digits and hyphens, and begins with a letter.",
    "prompt_note_long": "`note` has more than {most} characters.",
    "prompt_empty": "The prompt has no text.",
    "prompt_long": "The prompt has more than {most} characters.",
    "prompt_lacks": "The text must show {mark}, or its answers cannot be read: citations are found by such marks.",
    "prompt_both_languages": "This prompt is used in both languages: give `texts` in en and es.",
    "prompt_no_examples": "Examples have no effect on this prompt.",
    "prompt_examples_most": "A prompt may have {most} examples in each language.",
    "prompt_example_wrong": "Each example needs what was asked and what was answered, of at most {most} characters.",
    "prompt_no_temperature": "A temperature has no effect on this prompt; whoever asks sets it.",
    "prompt_temperature_wrong": "`temperature` goes from 0 to 2.",
    "prompt_no_model": "A model has no effect on this prompt; it is written by the model of the whole answer.",
    "prompt_model_unknown": "There is no model {model}. There are: {known}.",
}
