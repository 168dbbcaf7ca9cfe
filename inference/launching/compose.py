"""A plan as a compose service beside the appliance's own. Pure; the text is YAML.

The key comes from the stack's secret, the model from the volume it was fetched to, and only the engines' network
reaches it: the same as the `engine` service of docker-compose.gpu.yml.
"""

from __future__ import annotations

import json

from inference.launching.launch import Job
from inference.launching.vllm import ENVIRONMENT, SHUTDOWN_S, vllm_flags

IMAGE = "vllm/vllm-openai:v0.33.0"
_KEY = 'export VLLM_API_KEY=$$(cat /run/secrets/engine_key); exec vllm serve "$$@"'


def vllm_service(job: Job, service: str, model: str, *, shares_card: bool = False) -> str:
    """service: its name in the stack, and its host name. model: path or name as the container sees it."""
    words = [model, "--host=0.0.0.0", "--port=8000", *vllm_flags(job, shares_card=shares_card)]
    gpus = [str(index) for index in job.plan.gpus]
    lines = [
        "services:",
        f"  {service}:",
        f"    image: {IMAGE}",
        '    user: "2000:0"  # the image\'s own user vllm',
        "    restart: unless-stopped",
        "    read_only: true",
        "    cap_drop: [ALL]",
        "    security_opt: [no-new-privileges:true]",
        "    shm_size: 4g",
        "    environment:",
        *(f"      {name}: {_quoted(value)}" for name, value in {"HOME": "/home/vllm", **ENVIRONMENT}.items()),
        f'    entrypoint: ["sh", "-c", {_quoted(_KEY)}, "vllm"]',
        "    command:",
        *(f"      - {_quoted(word)}" for word in words),
        "    secrets: [engine_key]",
        "    volumes: [models:/home/vllm]",
        "    tmpfs: [/tmp:exec]",
        "    networks: [engine]",
        f"    stop_grace_period: {SHUTDOWN_S + 10}s",
    ]
    if gpus:
        lines += [
            "    deploy:",
            "      resources:",
            "        reservations:",
            "          devices:",
            f"            - {{driver: nvidia, device_ids: {json.dumps(gpus)}, capabilities: [gpu]}}",
        ]
    return "\n".join(lines) + "\n"


def engine_section(job: Job, name: str, service: str) -> str:
    """The appliance.toml section by which the gateway finds that service."""
    return (
        f"[engines.{name}]\n"
        'engine = "vllm"\n'
        f'base_url = "http://{service}:8000/v1"\n'
        'api_key_file = "/run/secrets/engine_key"\n'
        f"models = {json.dumps(list(job.names))}\n"
        "priority_scheduling = true\n"
    )


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON strings are YAML
