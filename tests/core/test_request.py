"""Requests from files that somebody else wrote: what is odd is said, nothing else comes out."""
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ParameterError
from core.head import load_head
from core.request import RenderRequest
from core.rig import Copy, Rig

WHOLE = RenderRequest("p", Rig().update({"light.azimuth": 60.0, "light.color": (1.0, 0.5, 0.0)}).copy(
    Copy("light", load_head("open").zero_code(), "q", "other.jpg")), seed=2**40, steps=5, person="d", identity=(0.5, -1.0))


def test_what_was_written_comes_back() -> None:
    plain = json.loads(json.dumps(WHOLE.to_json()))
    assert RenderRequest.from_json(plain) == WHOLE
    assert RenderRequest.from_json({**plain, "later": [1], "made_from": {}}) == WHOLE


@pytest.mark.parametrize("change", [
    {"seed": "1"}, {"seed": True}, {"seed": -1}, {"steps": 1.5}, {"steps": None}, {"strength": float("nan")}, {"strength": "all"},
    {"strength": 10**400}, {"noise": ["inverted"]}, {"noise": "pink"}, {"photo": 3}, {"photo": "x" * 1000}, {"prior": None},
    {"hold_background": 1}, {"identity": "long"}, {"identity": [1] * 5000}, {"identity": [None]}, {"size": {}}, {"rig": None},
    {"rig": []}, {"rig": {}}, {"rig": {"values": [1]}}, {"rig": {"values": {"a": "b"}}}, {"rig": {"values": {"a": [1, 2]}}},
    {"rig": {"values": {"a": float("inf")}}}, {"rig": {"values": {"x" * 500: 1}}}, {"rig": {"values": {}, "copies": [1]}},
    {"rig": {"values": {}, "copies": [{"block": "light", "photo": 3, "code": {}}]}},
    {"rig": {"values": {}, "copies": [{"block": "light", "photo": "p", "code": {"head": "open"}}]}},
    {"rig": {"values": {}, "copies": [{"block": "soul", "photo": "p", "code": {}}]}},
    {"rig": {"values": {}, "environment": {"coefficients": "none"}}},
])
def test_anything_odd_is_a_parameter_error(change: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        RenderRequest.from_json({**WHOLE.to_json(), **change})


@pytest.mark.parametrize("plain", [None, [], "text", 3, {}])
def test_no_request_at_all(plain: Any) -> None:
    with pytest.raises(ParameterError):
        RenderRequest.from_json(plain)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
                    max_leaves=12)
KEYS = st.sampled_from([*WHOLE.to_json(), "values", "copies", "environment", "other"])


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, JSON, max_size=6), st.dictionaries(st.sampled_from(["values", "copies", "environment"]), JSON))
def test_no_json_breaks_it(plain: dict[str, Any], rig: dict[str, Any]) -> None:
    for rigged in (plain, {**plain, "rig": rig}):
        try:
            made = RenderRequest.from_json(rigged)
        except ParameterError:
            continue
        assert RenderRequest.from_json(json.loads(json.dumps(made.to_json()))) == made
