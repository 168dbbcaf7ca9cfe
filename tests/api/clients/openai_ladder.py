"""The official SDK, asked line by line: a request as JSON in, who answered by which rung out."""

from __future__ import annotations

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0)
for line in sys.stdin:
    asked = json.loads(line)
    try:
        if "input" in asked:
            response = client.responses.create(**asked)
            told = {"text": response.output_text, **(response.model_extra or {}).get("appliance", {})}
        elif asked.get("stream"):
            with client.chat.completions.with_streaming_response.create(**asked) as raw:
                told = {"by": raw.headers["x-served-by"], "rung": raw.headers["x-answered-by-rung"]}
                text = "".join(c.choices[0].delta.content or "" for c in raw.parse() if c.choices)
                told["text"] = text
        else:
            raw = client.chat.completions.with_raw_response.create(**asked)
            told = {"by": raw.headers["x-served-by"], "rung": raw.headers["x-answered-by-rung"]}
            told["text"] = raw.parse().choices[0].message.content
    except openai.APIStatusError as error:
        told = {
            "error": type(error).__name__,
            "code": error.code,
            "after": error.response.headers.get("retry-after"),
        }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
