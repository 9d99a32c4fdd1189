"""The JSON schema of what `show info json` and `show stat json` print (management 9.3, `show schema json`).

HAProxy's own says of `show stat json` that it is a list of fields, where it is a list of such lists; this one is of
what both programs print.
"""

from __future__ import annotations

import json
from typing import Any

from tcproxy.report.statistics import NATURES, OBJECTS, ORIGINS, SCOPES

NUMBERS = {
    "s32": (-(1 << 31), (1 << 31) - 1), "s64": (-(1 << 53) + 1, (1 << 53) - 1), "u32": (0, (1 << 32) - 1),
    "u64": (0, (1 << 53) - 1),
}  # fmt: skip
"""Types of numbers with their bounds: whole numbers of JSON are exact up to 53 bits."""


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _value(name: str, **bounds: Any) -> dict[str, Any]:
    return _object(type={"enum": [name]}, value=bounds)


def _schema() -> dict[str, Any]:
    field = {name: _reference(name) for name in ("field", "processNum", "tags", "value")}
    row = {
        "objType": {"enum": list(OBJECTS.values())}, "proxyId": {"type": "integer", "minimum": 0},
        "id": {"type": "integer", "minimum": 0}, **field,
    }  # fmt: skip
    values = [
        _value(name, type="integer", minimum=least, maximum=most) for name, (least, most) in NUMBERS.items()
    ]
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "oneOf": [
            {"title": "Info", "type": "array", "items": _object(**field)},
            {"title": "Stat", "type": "array", "items": {"type": "array", "items": _object(**row)}},
            {"title": "Error", **_object(errorStr={"type": "string"})},
        ],
        "definitions": {
            "field": _object(pos={"type": "integer", "minimum": 0}, name={"type": "string"}),
            "processNum": {"type": "integer", "minimum": 1},
            "tags": _object(
                origin={"enum": list(ORIGINS.values())}, nature={"enum": list(NATURES.values())},
                scope={"enum": list(SCOPES.values())},
            ),
            "value": {"oneOf": [*values, _value("str", type="string")]},
        },
    }  # fmt: skip


SCHEMA = json.dumps(_schema(), separators=(",", ":")) + "\n"
