"""Make the tiny Whisper that the tests speak to: it knows ten sentences of espeak-ng by heart, half of them Spanish.

It tells the two languages apart, translates its Spanish sentences, and knows noise from speech, so that a real engine
(CTranslate2) has something exact to say. It shows plumbing, never quality: any other sound becomes nonsense.

CTranslate2 (4.8) takes a model for multilingual when its vocabulary has the empty token, as OpenAI's have.

Needs what the appliance itself does not install: espeak-ng, and `pip install torch transformers faster-whisper`.

    python scripts/make_tiny_whisper.py tests/models/tiny-whisper        # about nine minutes of one core
    python scripts/make_tiny_whisper.py tests/models/tiny-whisper --check
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from ctranslate2.converters import TransformersConverter
from faster_whisper import WhisperModel
from faster_whisper.audio import decode_audio
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutput


@dataclass(frozen=True)
class Sentence:
    """english: what the Spanish ones mean, or the sentence itself."""

    name: str
    language: str
    text: str
    english: str


SENTENCES = (
    Sentence("door", "en", "Please open the front door.", "Please open the front door."),
    Sentence("capital", "en", "What is the capital of France?", "What is the capital of France?"),
    Sentence("meeting", "en", "The meeting starts at nine o'clock.", "The meeting starts at nine o'clock."),
    Sentence(
        "report", "en", "Summarise the quarterly report for me.", "Summarise the quarterly report for me."
    ),
    Sentence("rain", "en", "It will rain tomorrow afternoon.", "It will rain tomorrow afternoon."),
    Sentence(
        "factura",
        "es",
        "La factura vence el quince de marzo.",
        "The invoice is due on the fifteenth of March.",
    ),
    Sentence("vacaciones", "es", "¿Cuántos días de vacaciones tengo?", "How many days of holiday do I have?"),
    Sentence("reunion", "es", "La reunión empieza a las nueve.", "The meeting starts at nine."),
    Sentence("luces", "es", "Apaga las luces de la cocina.", "Turn off the lights in the kitchen."),
    Sentence("gracias", "es", "Muchas gracias por su ayuda.", "Many thanks for your help."),
)
VOICES = {"en": "en-gb", "es": "es"}
SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|es|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
RATE = 16_000
TIMES = 1_501  # <|0.00|> to <|30.00|>
IGNORED = -100

Samples = NDArray[np.float32]


def text_tokens() -> Tokenizer:
    """Byte pairs of our sentences, and the empty token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = [" " + text for sentence in SENTENCES for text in (sentence.text, sentence.english)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=440, show_progress=False, initial_alphabet=alphabet)
    )
    told = json.loads(tokenizer.to_str())
    told["model"]["vocab"][""] = tokenizer.get_vocab_size()
    return Tokenizer.from_str(json.dumps(told))


class Ids:
    """Token numbers: text, the special ones, the times. faster-whisper relies on this order."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.text = tokenizer
        first = tokenizer.get_vocab_size()
        self.special = {token: first + place for place, token in enumerate(SPECIAL)}
        self.times = first + len(SPECIAL)
        self.count = self.times + TIMES


def speak(sentence: Sentence, folder: Path) -> Path:
    """The sentence as FLAC, 16 kHz, mono."""
    clip = folder / f"{sentence.name}.flac"
    with tempfile.NamedTemporaryFile(suffix=".wav") as spoken:
        command = [
            "espeak-ng",
            "-v",
            VOICES[sentence.language],
            "-s",
            "160",
            "-w",
            spoken.name,
            sentence.text,
        ]
        subprocess.run(command, check=True)
        samples = decode_audio(spoken.name)
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        whole = (samples * 32767).astype(np.int16)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return clip


class Lessons:
    """What it is shown: each clip once a step, and asked for in several ways."""

    def __init__(self, clips: dict[str, Samples], ids: Ids) -> None:
        self._clips, self._ids = clips, ids
        self._extractor = FeatureExtractor()
        self._random, self._noise = random.Random(0), np.random.default_rng(0)

    def features(self, samples: Samples) -> Samples:
        """(80, 3000), zeros after its end, as faster-whisper does it."""
        frames = self._extractor(samples)[:, :-1][:, :3000]
        return np.pad(frames, ((0, 0), (0, 3000 - frames.shape[1]))).astype(np.float32)

    def step(self, *, is_varied: bool) -> tuple[Samples, list[tuple[int, list[int], list[int]]]]:
        """(clips, 80, 3000), and (place of the clip, prompt, answer) for everything that is asked."""
        heard, asked = [], []
        for sentence in SENTENCES:
            samples = self._clips[sentence.name]
            if is_varied and self._random.random() < 0.6:
                samples = self._varied(samples)
            place = len(heard)
            heard.append(self.features(samples))
            end = min(round(len(samples) / RATE / 0.02), TIMES - 1)
            for task, text in (("transcribe", sentence.text), ("translate", sentence.english)):
                for is_timed in (True, False):
                    prompt, answer = self._asked(sentence.language, task, text, end, is_timed=is_timed)
                    asked.append((place, prompt, answer))
        for noise in (self._hiss(), self._hum()):
            special = self._ids.special
            asked.append((len(heard), [special["<|startoftranscript|>"]], [special["<|nospeech|>"]]))
            heard.append(self.features(noise))
        return np.stack(heard), asked

    def _asked(
        self, language: str, task: str, text: str, end: int, *, is_timed: bool
    ) -> tuple[list[int], list[int]]:
        special, times = self._ids.special, self._ids.times
        words = self._ids.text.encode(" " + text).ids
        prompt = []
        if self._random.random() < 0.3:
            before = self._random.choice(SENTENCES).text
            prompt = [special["<|startofprev|>"], *self._ids.text.encode(" " + before).ids]
        prompt += [special["<|startoftranscript|>"], special[f"<|{language}|>"], special[f"<|{task}|>"]]
        if is_timed:
            return prompt, [times, *words, times + end, special["<|endoftext|>"]]
        return [*prompt, special["<|notimestamps|>"]], [*words, special["<|endoftext|>"]]

    def _varied(self, samples: Samples) -> Samples:
        blanks = [np.zeros(self._random.randrange(0, RATE // 2), np.float32) for _ in range(2)]
        longer = np.concatenate([blanks[0], samples, blanks[1]]) * self._random.uniform(0.3, 1.0)
        hiss = self._noise.normal(0, self._random.choice([0, 0.0005, 0.002]), len(longer))
        return (longer + hiss).astype(np.float32)

    def _hiss(self) -> Samples:
        seconds = self._random.uniform(0.5, 20)
        return self._noise.normal(0, 10 ** self._random.uniform(-4, -1), int(seconds * RATE)).astype(
            np.float32
        )

    def _hum(self) -> Samples:
        moments = np.arange(int(self._random.uniform(0.5, 20) * RATE)) / RATE
        hertz = self._random.choice([50, 60, 100, 120])
        return (np.sin(2 * np.pi * hertz * moments) * self._random.uniform(0, 0.3)).astype(np.float32)


def build(ids: Ids) -> WhisperForConditionalGeneration:
    """0.4 million parameters. init_std 0.1 matters: with 0.02 it never tells the clips apart."""
    torch.manual_seed(0)
    end, start = ids.special["<|endoftext|>"], ids.special["<|startoftranscript|>"]
    config = WhisperConfig(
        vocab_size=ids.count,
        num_mel_bins=80,
        d_model=64,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=1,
        decoder_attention_heads=1,
        encoder_ffn_dim=128,
        decoder_ffn_dim=256,
        max_source_positions=1500,
        max_target_positions=448,
        decoder_start_token_id=start,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        suppress_tokens=[],
        begin_suppress_tokens=[],
        dropout=0.0,
        init_std=0.1,
    )
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
        bos_token_id=end,
        suppress_tokens=[],
        begin_suppress_tokens=[],
        alignment_heads=[[1, 0]],
        lang_to_id={f"<|{code}|>": ids.special[f"<|{code}|>"] for code in VOICES},
    )
    return model


def train(model: WhisperForConditionalGeneration, lessons: Lessons, ids: Ids, steps: int) -> None:
    """One thread: with two, such a small model mostly waits for the other."""
    torch.set_num_threads(1)
    model.train()
    wanted = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(wanted, lr=1e-3, weight_decay=0.0)
    began = time.process_time()
    for step in range(steps):
        rate = 3e-3 * min(1.0, (step + 1) / 20) * max(0.03, 1 - step / steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        heard, asked = lessons.step(is_varied=step > steps // 8)
        loss = _loss(model, heard, asked, ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(wanted, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if (step + 1) % 50 == 0:
            spent = time.process_time() - began
            print(f"step {step + 1}: loss {loss.item():.4f}, {spent:.0f} s of a core", flush=True)


def _loss(
    model: WhisperForConditionalGeneration,
    heard: Samples,
    asked: list[tuple[int, list[int], list[int]]],
    ids: Ids,
) -> torch.Tensor:
    special = ids.special
    longest = max(len(prompt) + len(answer) for _, prompt, answer in asked) - 1
    inputs = torch.full((len(asked), longest), special["<|endoftext|>"])
    labels = torch.full((len(asked), longest), IGNORED)
    for row, (_, prompt, answer) in enumerate(asked):
        whole = prompt + answer
        inputs[row, : len(whole) - 1] = torch.tensor(whole[:-1])
        labels[row, len(prompt) - 1 : len(whole) - 1] = torch.tensor(answer)
        start = prompt.index(special["<|startoftranscript|>"])
        if start + 1 < len(prompt):
            labels[row, start] = prompt[start + 1]  # the language is its first answer
    encoded = model.model.encoder(torch.from_numpy(heard)).last_hidden_state
    places = torch.tensor([place for place, _, _ in asked])
    output = model(encoder_outputs=BaseModelOutput(encoded[places]), decoder_input_ids=inputs)
    return torch.nn.functional.cross_entropy(
        output.logits.reshape(-1, ids.count), labels.reshape(-1), ignore_index=IGNORED
    )


def convert(model: WhisperForConditionalGeneration, ids: Ids, out: Path) -> None:
    """Write CTranslate2's folder, weights in 8 bits."""
    preprocessor = {
        "feature_size": 80,
        "sampling_rate": RATE,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
    }
    preprocessor |= {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "processor_class": "WhisperProcessor",
    }
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder)
        model.eval().save_pretrained(plain)
        tokenizer = Tokenizer.from_str(ids.text.to_str())
        tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
        end = SPECIAL[0]
        marks = {"eos_token": end, "bos_token": end, "unk_token": end, "pad_token": end}
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks).save_pretrained(plain)
        tokenizer.save(str(plain / "tokenizer.json"), pretty=False)
        (plain / "preprocessor_config.json").write_text(json.dumps(preprocessor))
        copied = ["tokenizer.json", "preprocessor_config.json"]
        TransformersConverter(str(plain), copy_files=copied).convert(
            str(out), quantization="int8", force=True
        )


def check(folder: Path) -> bool:
    """Ask everything through faster-whisper, as the appliance does; tell what is not exact.

    One translation may be wrong.
    """
    model = WhisperModel(
        str(folder / "model"), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
    )
    print(f"multilingual: {model.model.is_multilingual}")
    ways: list[dict[str, Any]] = [
        {},
        {"language": None},
        {"task": "translate"},
        {"without_timestamps": True},
        {"vad_filter": True},
        {"beam_size": 1},
        {"word_timestamps": True},
        {"initial_prompt": "Please open the front door."},
    ]
    is_exact = True
    for way in ways:
        wrong = []
        for sentence in SENTENCES:
            options = {"language": sentence.language, **way}
            segments, info = model.transcribe(str(folder / "clips" / f"{sentence.name}.flac"), **options)
            got = "".join(segment.text for segment in segments).strip()
            wanted = sentence.english if way.get("task") == "translate" else sentence.text
            if (got, info.language) != (wanted, sentence.language):
                wrong.append((sentence.name, info.language, got))
        print(f"{way}: {len(SENTENCES) - len(wrong)}/{len(SENTENCES)} exact {wrong}")
        is_exact = is_exact and len(wrong) <= (way.get("task") == "translate")
    return is_exact


def main() -> None:
    """Speak, train, convert, check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="gets clips/, model/ and sentences.json")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--check", action="store_true", help="only ask what is there")
    arguments = parser.parse_args()
    out: Path = arguments.out
    if not arguments.check:
        (out / "clips").mkdir(parents=True, exist_ok=True)
        clips = {sentence.name: decode_audio(str(speak(sentence, out / "clips"))) for sentence in SENTENCES}
        told = [vars(sentence) for sentence in SENTENCES]
        (out / "sentences.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        ids = Ids(text_tokens())
        model = build(ids)
        train(model, Lessons(clips, ids), ids, arguments.steps)
        convert(model, ids, out / "model")
    if not check(out):
        raise SystemExit("It does not know all its sentences; train it again with more --steps.")


if __name__ == "__main__":
    main()
