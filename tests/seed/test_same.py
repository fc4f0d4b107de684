"""The same options make the same facts, in chunks of any bank's size."""

import hashlib
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seed import traffic
from seed.load import Bank
from seed.options import Options
from seed.plan import DAY
from tests.seed.conftest import tables_of

TINY = Options(end=date(2026, 11, 23), days=60, interactions=200, customers=3000)


def fingerprint(tables: dict[str, pa.Table]) -> dict[str, str]:
    return {
        name: hashlib.sha256(rows.to_pandas().to_csv(index=False).encode()).hexdigest() for name, rows in tables.items()
    }


def test_the_same_options_make_the_same_facts() -> None:
    first, again = fingerprint(tables_of(TINY)), fingerprint(tables_of(replace(TINY)))
    assert len(first) == 17
    assert first == again


@pytest.mark.parametrize("changed", [{"seed": 2}, {"customers": 3001}, {"end": date(2026, 11, 22)}])
def test_other_options_make_other_facts(changed: dict[str, Any]) -> None:
    usual, other = fingerprint(tables_of(TINY)), fingerprint(tables_of(replace(TINY, **changed)))
    for table in ("interaction", "customer", "handling_leg", "function_use"):
        assert usual[table] != other[table]


def test_many_chunks_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "_PER_CHUNK", 1000)  # five days each
    bank = Bank(TINY)
    chunks = list(bank.traffic.chunks())
    assert len(chunks) == 12
    names: list[str] = []
    for chunk in chunks:
        start = chunk.columns["start"]
        assert (np.diff(start) >= 0).all()
        assert start[0] >= chunk.first * DAY
        assert start[-1] < chunk.last * DAY
        names += bank.facts(chunk)["interaction"]["interaction_id"].to_pylist()
    assert len(set(names)) == len(names)
    # Returning customers cross the seams: no chunk begins with fewer of them than it ends with.
    total = sum(len(chunk) for chunk in chunks)
    assert total == pytest.approx(TINY.days * TINY.interactions, rel=0.05)


def test_a_customers_key_is_never_given_twice() -> None:
    people = Bank(TINY).people
    keys = people.keys(np.arange(1_000_000))
    assert np.unique(keys).size == keys.size
    assert keys.min() >= 0
