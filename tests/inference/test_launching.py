"""The exact words in which engines are started; vLLM's by its own parser, where there is one."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from inference.launching.complaints import complaint_of
from inference.launching.compose import engine_section, vllm_service
from inference.launching.families import tool_call_parser
from inference.launching.launch import Job
from inference.launching.llama_cpp import llama_cpp_launch
from inference.launching.ollama import ollama_drop_in
from inference.launching.vllm import vllm_flags, vllm_launch
from inference.launching.vllm_log import told_memory
from inference.models.model_shape import ModelShape
from inference.placement.planner import Plan

LLAMA = ModelShape(
    "llama-3.1-8b",
    "LlamaForCausalLM",
    8_030_261_248,
    16 * 10**9,
    32,
    32,
    8,
    128,
    4096,
    128_256,
    131_072,
    "bf16",
)
PLAN = Plan(
    "llama-3.1-8b",
    "fits",
    "vllm",
    gpus=(1,),
    context_tokens=16_384,
    slots=8,
    utilisation=0.9,
    max_batched_tokens=8192,
    max_running=32,
    kv_tokens=200_000,
)
JOB = Job(Path("/models/llama"), ("llama-3.1-8b", "llama"), PLAN, LLAMA)
SOCKET = Path("/run/engine.sock")
# Of a running vLLM's own environment: its parser, as `vllm serve` uses it.
_PARSE = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
told = vars(make_arg_parser(FlexibleArgumentParser()).parse_args(sys.argv[1:]))
names = {told_name: told[told_name] for told_name in sorted(told)}
print(json.dumps(names, default=str))
"""


def test_the_vllm_command_says_all_that_the_plan_decided() -> None:
    """Word for word; the key is in the environment, and nobody but the gateway reaches it."""
    launch = vllm_launch(JOB, Path("/opt/vllm/bin/vllm"), SOCKET, "secret")

    assert " ".join(launch.argv) == (
        "/opt/vllm/bin/vllm serve /models/llama --uds /run/engine.sock "
        "--served-model-name llama-3.1-8b llama --max-model-len 16384 --gpu-memory-utilization 0.90 "
        "--kv-cache-dtype auto --max-num-seqs 32 --max-num-batched-tokens 8192 --scheduling-policy priority "
        "--max-num-queued-reqs 40 --enable-prompt-tokens-details --enable-force-include-usage "
        "--shutdown-timeout 30 --disable-fastapi-docs --no-enable-log-requests --disable-uvicorn-access-log "
        "--enable-prefix-caching --enable-auto-tool-choice --tool-call-parser llama3_json"
    )
    environment = launch.environment
    assert environment["VLLM_API_KEY"] == "secret" and "secret" not in " ".join(launch.argv)
    assert (environment["HF_HUB_OFFLINE"], environment["VLLM_NO_USAGE_STATS"]) == ("1", "1")
    assert (environment["VLLM_MAX_N_SEQUENCES"], environment["CUDA_VISIBLE_DEVICES"]) == ("8", "1")


def test_a_shared_card_is_asked_for_bytes_and_not_for_a_share() -> None:
    """A share would count what the others hold; two cards halve what each holds."""
    flags = vllm_flags(JOB, shares_card=True)
    two = replace(JOB, plan=replace(PLAN, gpus=(0, 1), kv_dtype="fp8"))

    assert flags[flags.index("--kv-cache-memory-bytes") + 1] == str(200_000 * 131_072)
    assert "--gpu-memory-utilization" not in flags
    halved = vllm_flags(two, shares_card=True)
    assert halved[halved.index("--kv-cache-memory-bytes") + 1] == str(200_000 * 65_536 // 2)
    assert halved[halved.index("--tensor-parallel-size") + 1] == "2"
    assert halved[halved.index("--kv-cache-dtype") + 1] == "fp8"


@pytest.mark.skipif("VLLM_BIN" not in os.environ, reason="VLLM_BIN names no `vllm` program")
@pytest.mark.parametrize("kind", ["chat", "embedding"])
def test_vllm_s_own_parser_understands_every_word(kind: str) -> None:
    """Of the installed version, with the values where they belong."""
    program = Path(os.environ["VLLM_BIN"])
    job = replace(JOB, kind=kind)
    launch = vllm_launch(job, program, SOCKET, "secret")
    words = list(launch.argv[2:])
    ran = subprocess.run(
        [str(program.parent / "python"), "-c", _PARSE, *words],
        capture_output=True,
        text=True,
        env={**os.environ, **launch.environment, "CUDA_VISIBLE_DEVICES": ""},
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    told = json.loads(ran.stdout.splitlines()[-1])

    assert told["served_model_name"] == ["llama-3.1-8b", "llama"]
    assert (told["uds"], told["max_model_len"], told["max_num_seqs"]) == (str(SOCKET), 16_384, 32)
    assert (told["scheduling_policy"], told["max_num_queued_reqs"]) == ("priority", 40)
    assert told["enable_force_include_usage"] and told["enable_prompt_tokens_details"]
    assert told["shutdown_timeout"] == 30
    expected = "pooling" if kind == "embedding" else "auto"
    assert told["runner"] == expected


def test_the_compose_service_says_the_same_and_is_reached_by_the_gateway_only() -> None:
    """A fragment that a YAML reader takes, and the section by which the gateway finds it."""
    service = yaml.safe_load(vllm_service(JOB, "llama", "/home/vllm/llama"))["services"]["llama"]

    assert tuple(service["command"][3:]) == vllm_flags(JOB)
    assert (service["networks"], "ports" in service) == (["engine"], False)
    assert service["deploy"]["resources"]["reservations"]["devices"][0]["device_ids"] == ["1"]
    assert "VLLM_API_KEY" not in service["environment"]
    assert "priority_scheduling = true" in engine_section(JOB, "llama", "llama")


def test_ollama_is_told_what_it_would_guess() -> None:
    """Slots, context and cache, as a drop-in of its service."""
    job = replace(JOB, plan=replace(PLAN, engine="ollama", slots=4, kv_dtype="fp8"))
    lines = ollama_drop_in(job).splitlines()

    assert lines[0] == "[Service]"
    assert 'Environment="OLLAMA_NUM_PARALLEL=4"' in lines
    assert 'Environment="OLLAMA_CONTEXT_LENGTH=16384"' in lines
    assert 'Environment="OLLAMA_KV_CACHE_TYPE=q8_0"' in lines
    assert 'Environment="OLLAMA_NO_CLOUD=1"' in lines


def test_llama_cpp_s_command_is_one_that_its_server_reads() -> None:
    """By its own parser."""
    from inference.engines.llama_cpp_server import parse_arguments

    job = replace(JOB, path=Path("/m.gguf"), plan=replace(PLAN, engine="llama_cpp", gpus=(), slots=3))
    launch = llama_cpp_launch(job, SOCKET)
    told = parse_arguments(launch.argv[4:])

    assert launch.argv[2:4] == ("-m", "inference.engines.llama_cpp_server")
    assert (told.model, told.name, told.socket) == (Path("/m.gguf"), "llama-3.1-8b", SOCKET)
    assert (told.slots, told.context_tokens, told.gpu_layers) == (3, 16_384, 0)


@pytest.mark.parametrize(
    ("architecture", "name", "vocabulary", "parser"),
    [
        ("LlamaForCausalLM", "llama-3.1-8b", 128_256, "llama3_json"),
        ("LlamaForCausalLM", "tinyllama", 32_000, None),
        ("LlamaForCausalLM", "hermes-3", 128_256, "hermes"),
        ("Qwen3MoeForCausalLM", "qwen3-coder-30b", 151_936, "qwen3_coder"),
        ("Qwen2ForCausalLM", "qwen2.5-7b", 152_064, "hermes"),
        ("GptOssForCausalLM", "gpt-oss-20b", 201_088, "openai"),
        ("NeverHeardOf", "x", 1, None),
    ],
)
def test_tool_calls_are_read_by_the_family_s_parser(
    architecture: str, name: str, vocabulary: int, parser: str | None
) -> None:
    """And by none where the family is not known: a wrong one would tear answers apart."""
    shape = replace(LLAMA, architecture=architecture, name=name, vocabulary=vocabulary)

    assert tool_call_parser(shape, name) == parser


@pytest.mark.parametrize(
    ("line", "last_exit", "complaint"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "", "out_of_memory"),
        ("ValueError: No available memory for the cache blocks.", "", "out_of_memory"),
        (
            "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 9",
            "",
            "out_of_memory",
        ),
        ("loading", "was killed by SIGKILL", "out_of_memory"),
        ("RuntimeError: Failed to infer device type", "ended with status 1", "no_gpu"),
        ("llama_model_load: unknown model architecture: 'x'", "ended with status 1", "unsupported"),
        ("what is this", "ended with status 1", "unknown"),
    ],
)
def test_what_an_engine_died_of_is_read_from_its_last_lines(
    line: str, last_exit: str, complaint: str
) -> None:
    """Want of memory has another answer than a broken file."""
    assert complaint_of(["started", line], last_exit) == complaint


def test_what_vllm_says_of_its_memory_is_read() -> None:
    """The last of each counts; numbers come with commas."""
    told = told_memory(
        [
            "INFO 11-22 Model loading took 14.99 GiB memory and 12.345678 seconds",
            "INFO 11-22 Available KV cache memory: 4.50 GiB",
            "INFO 11-22 GPU KV cache size: 36,864 tokens, ...",
        ]
    )

    assert told.weight_bytes == round(14.99 * 2**30) and told.kv_bytes == round(4.5 * 2**30)
    assert told.kv_tokens == 36_864
