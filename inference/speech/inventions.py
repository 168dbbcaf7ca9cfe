"""Sentences that Whisper invents where nobody speaks: subtitles' credits and thanks, learned from films. Pure.

Known of every size of the model (github.com/openai/whisper/discussions/928, whisper.cpp issue 1724). A real thank-you
is kept: it comes with confidence, and from more than a breath of speech.
"""

from __future__ import annotations

import re

from inference.speech.types import SpeechSegment

_CREDITS = re.compile(
    r"amara\.org|subt[ií]tulos? (realizados?|por|de)|subtitles? by|sous-titr|untertitel|legendas|transcribed by|"
    r"www\.|copyright|©|🎵|♪",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"\W*(thanks? (you )?(so much |very much )?(for watching|for listening)|thank you|"
    r"gracias por ver (el|este) v[ií]deo|¡?gracias|¡?suscr[ií]bete( al canal)?|please subscribe|you|bye|adi[oó]s)\W*",
    re.IGNORECASE,
)
_UNSURE_LOGPROB = -0.8
_UNSURE_SILENCE = 0.4
_BREATH_S = 0.6
_LOOP_RATIO = 2.4  # as in Whisper itself: text that packs so well repeats itself


def is_invented(segment: SpeechSegment, speech_s: float) -> bool:
    """Whether the segment is better left out. speech_s: how much speech the voice detector found in its piece."""
    is_unsure = segment.avg_logprob < _UNSURE_LOGPROB or segment.no_speech_prob > _UNSURE_SILENCE
    if segment.compression_ratio > _LOOP_RATIO and is_unsure:
        return True
    if _CREDITS.search(segment.text):
        return is_unsure or speech_s < _BREATH_S
    return bool(_THANKS.fullmatch(segment.text)) and is_unsure and speech_s < 2 * _BREATH_S
