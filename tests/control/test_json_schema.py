"""The schema of the JSON forms holds for what both programs print."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft4Validator

from tcproxy.report.json_schema import SCHEMA
from tests.control.beside import ask
from tests.control.test_inside import at_work
from tests.running import HAPROXY, TCPROXY

BOTH = [pytest.param(TCPROXY, id="tcproxy"), pytest.param(HAPROXY, marks=pytest.mark.reference, id="haproxy")]


@pytest.mark.parametrize("what", BOTH)
def test_what_is_printed_is_what_the_schema_says(what: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`show info json` and `show stat json` are valid, and something else is not."""
    schema = json.loads(SCHEMA)
    Draft4Validator.check_schema(schema)
    validator = Draft4Validator(schema)
    with at_work(what, tmp_path_factory.mktemp("one"), 9) as folder:
        for command in ("show info json", "show stat json"):
            told = json.loads(ask(folder / "ctl", command))
            assert told
            assert list(validator.iter_errors(told)) == []
        if what == TCPROXY:
            assert json.loads(ask(folder / "ctl", "show schema json")) == schema
    assert not validator.is_valid([[{"objType": "Frontend"}]])
