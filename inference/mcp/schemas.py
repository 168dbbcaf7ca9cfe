"""JSON Schemas of strangers: made harmless when they are listed, and arguments held against them. Pure.

A schema may ask for work without end (regular expressions, towers of `$ref`) or for a look elsewhere (a `$ref` with an
address). What is left of it here can do neither; a model is told less, and the server checks its arguments anyway.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

MOST_SCHEMA_BYTES = 16_384
_MOST_DEPTH = 12
_LONGEST_TEXT = 300
_LONGEST_DESCRIPTION = 1_000
# Of the vocabulary what tells a model how to call; all of it costs time in proportion to the arguments alone.
_KEPT = frozenset(
    {
        "type", "properties", "required", "items", "enum", "const", "description", "title", "default", "minimum",
        "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
        "additionalProperties", "anyOf", "oneOf", "allOf", "prefixItems", "minProperties", "maxProperties",
    }
)  # fmt: skip
_MAPS, _LISTS = frozenset({"properties"}), frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SUBSCHEMAS = frozenset({"items", "additionalProperties"})


def plain(text: str, most: int = _LONGEST_DESCRIPTION) -> str:
    """Without control characters and what turns the direction of writing or hides; cut."""
    kept = "".join(
        " " if letter in "\t\r\n" else letter
        for letter in text[: most * 2]
        if letter in "\t\r\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    kept = re.sub(r" {2,}", " ", kept).strip()
    return kept if len(kept) <= most else kept[: most - 1] + "…"


def harmless(schema: object) -> dict[str, Any]:
    """What is left of a schema. Raises ValueError for one that is too large, too deep or of no object."""
    from jsonschema import Draft202012Validator  # here: with its formats it takes a second to load
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        raise ValueError("its arguments are no object")
    try:
        size = len(json.dumps(schema))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError("its schema is no JSON") from error
    if size > MOST_SCHEMA_BYTES:
        raise ValueError(f"its schema has more than {MOST_SCHEMA_BYTES // 1024} KiB")
    cleaned: dict[str, Any] = {**_cleaned(schema, 0), "type": "object"}
    try:
        Draft202012Validator.check_schema(cleaned)
    except SchemaError as error:
        raise ValueError("its schema is none") from error
    return cleaned


def objection(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """What is wrong with the arguments, for whoever wrote them; empty: nothing is. schema: a harmless one."""
    from jsonschema import Draft202012Validator  # here: with its formats it takes a second to load
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = Draft202012Validator(schema, registry=Registry())
    try:
        worst = best_match(validator.iter_errors(dict(arguments)))
    except (Unresolvable, RecursionError):
        return "They cannot be checked."
    if worst is None:
        return ""
    place = ".".join(str(part) for part in worst.absolute_path)
    return plain(f"{place or 'The arguments'}: {worst.message}", _LONGEST_TEXT)


def _cleaned(schema: object, depth: int) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, Mapping):
        raise ValueError("its schema is none")
    if depth > _MOST_DEPTH:
        raise ValueError(f"its schema is deeper than {_MOST_DEPTH} levels")
    kept: dict[str, Any] = {}
    for name, value in schema.items():
        if name not in _KEPT:
            continue
        if name in _MAPS:
            kept[name] = {plain(str(key), 100): _cleaned(one, depth + 1) for key, one in dict(value).items()}
        elif name in _LISTS:
            kept[name] = [_cleaned(one, depth + 1) for one in list(value)]
        elif name in _SUBSCHEMAS:
            kept[name] = _cleaned(value, depth + 1)
        elif name in ("description", "title"):
            kept[name] = plain(str(value), _LONGEST_TEXT)
        else:
            kept[name] = value
    return kept
