"""The official SDK asks chats of one token each, as read from stdin; tells of each the usage or the refusal.

python openai_overlong.py BASE_URL KEY < chats.json
"""

from __future__ import annotations

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0, timeout=300)
told = []
for chat in json.load(sys.stdin):
    try:
        answer = client.chat.completions.create(**chat, max_tokens=1)
        told.append({"tokens": answer.usage.prompt_tokens})
    except openai.BadRequestError as error:
        told.append({"code": error.code, "param": error.param, "values": error.body["detail"]["values"]})
json.dump(told, sys.stdout)
