"""One call of the official SDK that is refused; prints the error as JSON.

python openai_retries.py BASE_URL
"""

from __future__ import annotations

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="x", max_retries=2)
try:
    client.models.list()
except openai.RateLimitError as error:
    sys.stdout.write(json.dumps({"code": error.code, "status": error.status_code}))
