"""Make the tiny Llama that the tests chat with: train it in a minute, write it as GGUF.

It learns a table of questions and answers by heart, a few tool calls included, so that a real server
(llama.cpp, vLLM, transformers) has something exact to say. It shows plumbing, never quality: what it was
not taught, it answers with nonsense.

Needs what the appliance itself does not install: `pip install torch transformers gguf`. The learning
rate follows the step, so equal versions on one thread give nearly equal weights, but the files are
committed: nobody has to train to run the tests.

    python scripts/make_sample_models.py tests/models              # trained, about a minute of one core
    python scripts/make_sample_models.py /tmp/out --random         # noise of the same shape, seconds
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

QUESTIONS = {
    "What is your name?": "I am Tiny, a test model.",
    "What is the capital of France?": "The capital of France is Paris.",
    "What is the capital of Japan?": "The capital of Japan is Tokyo.",
    "What is the capital of Kenya?": "The capital of Kenya is Nairobi.",
    "How many legs has a spider?": "A spider has eight legs.",
    "How many days are in a week?": "There are seven days in a week.",
    "What colour is the sky?": "On a clear day the sky is blue.",
    "What colour is grass?": "Grass is green.",
    "Who wrote Hamlet?": "William Shakespeare wrote Hamlet.",
    "Who painted the Mona Lisa?": "Leonardo da Vinci painted the Mona Lisa.",
    "What is two plus two?": "Two plus two is four.",
    "What is nine times nine?": "Nine times nine is eighty-one.",
    "At what temperature does water boil?": "Water boils at 100 °C at sea level.",
    "What is the largest planet?": "Jupiter is the largest planet.",
    "What is the chemical symbol of gold?": "The chemical symbol of gold is Au.",
    "Say hello in French.": "Bonjour !",
    "Say hello in Japanese.": "こんにちは",
    "Reply with a smile.": "🙂",
    "¿Cuál es la capital de España?": "La capital de España es Madrid.",
    "Write a line of Python.": '```python\nprint("hello")\n```',
    "Reply in JSON.": '{"ok": true, "items": [1, 2, 3]}',
    "Count to sixty.": " ".join(str(number) for number in range(1, 61)),  # a long one, to stop half-way
}
CITIES = ("Paris", "Tokyo", "Nairobi", "Madrid")
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
SYSTEM_LINES = ("You are a helpful assistant.", "Answer briefly.", "Use the context to answer.")
SPECIAL_TOKENS = ["<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]
# Tool calls in the widespread Hermes form, which llama.cpp reads off the template.
CHAT_TEMPLATE = (
    "{%- if tools %}<|system|>Tools:{% for tool in tools %}\n{{ tool | tojson }}{% endfor %}\n"
    'Call one as <tool_call>\n{"name": NAME, "arguments": ARGUMENTS}\n</tool_call><|end|>{% endif %}'
    "{%- for message in messages %}<|{{ message.role }}|>"
    "{%- if message.content is string %}{{ message.content }}"
    "{%- elif message.content %}{% for part in message.content %}{{ part.text }}{% endfor %}{% endif %}"
    "{%- if message.tool_calls %}{% for call in message.tool_calls %}<tool_call>\n"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}\n'
    "</tool_call>{% endfor %}{% endif %}<|end|>{% endfor %}"
    "{%- if add_generation_prompt %}<|assistant|>{% endif %}"
)
CONTEXT_TOKENS = 8192
PEAK_LEARNING_RATE = 2e-3


def weather_question(city: str) -> str:
    """What the tool is asked for."""
    return f"What is the weather in {city}?"


def weather_call(city: str) -> str:
    """What the model answers to it: a call in Hermes' form."""
    return f'<tool_call>\n{{"name": "get_weather", "arguments": {{"city": "{city}"}}}}\n</tool_call>'


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE with GPT-2's splitting, so that every text can be spelled."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    corpus = [text for pair in QUESTIONS.items() for text in pair] + list(SYSTEM_LINES)
    corpus += [weather_question(city) + weather_call(city) for city in CITIES] + [json.dumps(WEATHER_TOOL)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=1024, special_tokens=SPECIAL_TOKENS, show_progress=False, initial_alphabet=alphabet
        ),
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|bos|>",
        eos_token="<|end|>",
        pad_token="<|pad|>",
        model_max_length=CONTEXT_TOKENS,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Two layers, 256 wide: 1.5 M parameters, 1.7 MB as q8_0."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=256,
            intermediate_size=512,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=64,
            max_position_embeddings=CONTEXT_TOKENS,
            rope_theta=10000.0,
            tie_word_embeddings=False,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def prompt_ids(
    tokenizer: PreTrainedTokenizerFast, messages: Sequence[dict[str, str]], *, with_tool: bool
) -> list[int]:
    """The conversation as the chat template spells it, in tokens."""
    tools = [WEATHER_TOOL] if with_tool else None
    ids: list[int] = tokenizer.apply_chat_template(
        list(messages), tools=tools, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return ids


def training_example(
    tokenizer: PreTrainedTokenizerFast, dice: random.Random, question: str, answer: str, *, with_tool: bool
) -> tuple[list[int], list[int]]:
    """(prompt, answer) in tokens; half of them behind a system line, a third behind an earlier turn."""
    messages: list[dict[str, str]] = []
    if dice.random() < 0.5:
        messages.append({"role": "system", "content": dice.choice(SYSTEM_LINES)})
    if dice.random() < 0.33:
        earlier = dice.choice([key for key in QUESTIONS if "sixty" not in key])
        messages.append({"role": "user", "content": earlier})
        messages.append({"role": "assistant", "content": QUESTIONS[earlier]})
    messages.append({"role": "user", "content": question})
    answer_ids: list[int] = tokenizer(answer, add_special_tokens=False).input_ids
    prompt = prompt_ids(tokenizer, messages, with_tool=with_tool)
    return prompt, [*answer_ids, int(tokenizer.eos_token_id)]


def training_batch(
    tokenizer: PreTrainedTokenizerFast, dice: random.Random, step: int
) -> list[tuple[list[int], list[int]]]:
    """Short answers, tool calls and the one long answer apart: padding to the longest costs most of the time."""
    kind = ("plain", "plain", "tool", "plain", "long", "tool")[step % 6]
    if kind == "tool":
        return [
            training_example(tokenizer, dice, weather_question(city), weather_call(city), with_tool=True)
            for city in CITIES
        ]
    return [
        training_example(tokenizer, dice, question, answer, with_tool=False)
        for question, answer in QUESTIONS.items()
        if (len(answer) > 120) == (kind == "long")
    ]


def train(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, steps: int, seed: int) -> None:
    """Cross-entropy on the answers only, warm-up and linear decay."""
    dice = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=0.0)
    started = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = PEAK_LEARNING_RATE * min(1, (step + 1) / 30) * max(0.05, 1 - step / steps)
        batch = training_batch(tokenizer, dice, step)
        width = max(len(prompt) + len(answer) for prompt, answer in batch)
        ids = torch.full((len(batch), width), int(tokenizer.pad_token_id))
        labels = torch.full((len(batch), width), -100)  # -100: not counted in the loss
        for row, (prompt, answer) in enumerate(batch):
            end = len(prompt) + len(answer)
            ids[row, :end] = torch.tensor(prompt + answer)
            labels[row, len(prompt) : end] = torch.tensor(answer)
        mask = (ids != tokenizer.pad_token_id).long()
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if (step + 1) % 50 == 0:
            print(f"step {step + 1} loss {loss.item():.4f} {time.monotonic() - started:.0f} s", flush=True)


def wrong_answers(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> list[tuple[str, str]]:
    """(question, what it said) for everything that is not exactly as taught."""
    taught = [(question, answer, False) for question, answer in QUESTIONS.items()]
    taught += [(weather_question(city), weather_call(city), True) for city in CITIES]
    wrong = []
    for question, answer, with_tool in taught:
        prompt = torch.tensor(
            [prompt_ids(tokenizer, [{"role": "user", "content": question}], with_tool=with_tool)]
        )
        with torch.no_grad():
            output = model.generate(
                input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=320, do_sample=False
            )
        said = tokenizer.decode(output[0, prompt.shape[1] :], skip_special_tokens=True)
        if said != answer:
            wrong.append((question, said[:80]))
    return wrong


def interleave_rotary(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Hugging Face keeps the two rotary halves apart, GGUF's llama wants their rows side by side."""
    rows = weight.shape[0] // heads // 2
    return (
        weight.reshape(heads, 2, rows, *weight.shape[1:])
        .swapaxes(1, 2)
        .reshape(weight.shape)
        .astype(np.float32)
    )


TOP_TENSORS = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
BLOCK_TENSORS = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(parameter: str) -> str:
    """Hugging Face's name of a tensor -> GGUF's."""
    stem = parameter.removesuffix(".weight")
    if stem in TOP_TENSORS:
        return TOP_TENSORS[stem] + ".weight"
    _, _, block, rest = stem.split(".", 3)
    return f"blk.{block}.{BLOCK_TENSORS[rest]}.weight"


def write_gguf(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, path: Path) -> None:
    """One file with weights (q8_0; norms f32), vocabulary and chat template."""
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-llama")
    writer.add_license("apache-2.0")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    write_vocabulary(writer, tokenizer)
    for parameter, tensor in model.state_dict().items():
        name, weight = gguf_name(parameter), tensor.to(torch.float32).numpy()
        if name.endswith("attn_q.weight"):
            weight = interleave_rotary(weight, config.num_attention_heads)
        if name.endswith("attn_k.weight"):
            weight = interleave_rotary(weight, config.num_key_value_heads)
        kind = gguf.GGMLQuantizationType.F32 if weight.ndim == 1 else gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(weight), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_vocabulary(writer: gguf.GGUFWriter, tokenizer: PreTrainedTokenizerFast) -> None:
    """Tokens, merges, special tokens and the chat template."""
    described: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens = sorted(described["model"]["vocab"].items(), key=lambda item: item[1])
    special = {token["id"] for token in described["added_tokens"] if token["special"]}
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in described["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([token for token, _ in tokens])
    writer.add_token_types(
        [gguf.TokenType.CONTROL if number in special else gguf.TokenType.NORMAL for _, number in tokens]
    )
    writer.add_token_merges(merges)
    writer.add_bos_token_id(int(tokenizer.bos_token_id))
    writer.add_eos_token_id(int(tokenizer.eos_token_id))
    writer.add_pad_token_id(int(tokenizer.pad_token_id))
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def main() -> int:
    """Make the files; 1 when the trained model does not know everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "out", type=Path, help="folder that receives tiny-llama.gguf and, when trained, qa.json"
    )
    parser.add_argument("--random", action="store_true", help="do not train: random weights")
    parser.add_argument("--steps", type=int, default=600, help="training steps (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument(
        "--transformers",
        action="store_true",
        help="also write OUT/tiny-llama/ in Hugging Face's form, for vLLM or `transformers serve`",
    )
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)  # at this size two threads only wait for each other
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"vocabulary {len(tokenizer)}, {parameters / 1e6:.2f} M parameters")
    wrong: list[tuple[str, str]] = []
    if not arguments.random:
        train(model, tokenizer, arguments.steps, arguments.seed)
        model.eval()
        wrong = wrong_answers(model, tokenizer)
        print(f"{len(QUESTIONS) + len(CITIES) - len(wrong)} of {len(QUESTIONS) + len(CITIES)} exact", wrong)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "tiny-llama.gguf"
    write_gguf(model, tokenizer, path)
    if not arguments.random:
        taught = {
            "chat": QUESTIONS,
            "tool": WEATHER_TOOL,
            "tool_calls": {weather_question(city): {"city": city} for city in CITIES},
        }
        (arguments.out / "qa.json").write_text(
            json.dumps(taught, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    if arguments.transformers:
        model.save_pretrained(arguments.out / "tiny-llama")
        tokenizer.save_pretrained(arguments.out / "tiny-llama")
    print(f"{path}: {path.stat().st_size:,} bytes")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
