"""Customers' ids become keyed numbers and stand nowhere in the facts."""

import stat
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from kpi import schema
from kpi.errors import SettingError
from kpi.ingest.customers import customer_key, pseudonyms
from kpi.warehouse import Warehouse

# HMAC-SHA-256 of "Hi There" under 20 bytes 0x0b (RFC 4231, case 1) begins b0344c61d8db3853.
RFC_4231 = 0xB0344C61D8DB3853 >> 1


def test_a_customers_number_is_the_first_63_bits_of_the_keyed_hash() -> None:
    assert pseudonyms(pa.array(["Hi There", " Hi There "]), b"\x0b" * 20).to_pylist() == [RFC_4231, RFC_4231]


def test_nobody_stays_nobody() -> None:
    assert pseudonyms(pa.array([None, "", "  "], pa.string()), b"k").to_pylist() == [None, None, None]


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    key = customer_key(tmp_path / "home")
    assert len(key) == 32
    assert customer_key(tmp_path / "home") == key
    assert stat.S_IMODE((tmp_path / "home" / "customer.key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["customer.key"]
    assert customer_key(tmp_path / "other") != key


def test_a_damaged_key_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "customer.key").write_text("half a k")
    with pytest.raises(SettingError, match="backup"):
        customer_key(tmp_path)
    assert (tmp_path / "customer.key").read_text() == "half a k"


def test_ids_stand_nowhere_in_the_facts(warehouse: Warehouse, load_rows: Callable[..., object]) -> None:
    load_rows(
        "c1,2024-06-01 10:00:00,,P,6222020200112233,card,60",
        "c2,2024-06-01 11:00:00,,P,6222020200112233,card,60",
        "c3,2024-06-01 11:00:00,,P,6222020200445566,card,60",
        "c4,2024-06-01 11:00:00,,P,,card,60",
    )
    with warehouse.read() as connection:
        rows = connection.execute(sa.select(schema.interaction).order_by("interaction_id")).all()
    keys = [row.customer_key for row in rows]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0] > 0
    assert keys[3] is None
    assert "62220202" not in str(rows)


def test_a_lost_key_is_not_replaced(warehouse: Warehouse, load_rows: Callable[..., object]) -> None:
    load_rows("c1,2024-06-01 10:00:00,,P,k1,card,60")
    key = warehouse.settings.home / "customer.key"
    content = key.read_text()
    key.unlink()
    with pytest.raises(SettingError, match="Restore it from a backup"):
        load_rows("c2,2024-06-01 10:00:00,,P,k1,card,60")
    assert not key.exists()
    key.write_text(content)
    load_rows("c2,2024-06-01 10:00:00,,P,k1,card,60")
    with warehouse.read() as connection:
        assert connection.scalar(sa.select(sa.func.count(sa.distinct(schema.interaction.c.customer_key)))) == 1


def test_trap_another_key_is_not_taken_for_the_one_that_is_lost(
    warehouse: Warehouse, load_rows: Callable[..., object]
) -> None:
    load_rows("c1,2024-06-01 10:00:00,2024-06-01 10:01:00,P,k1,card,60")
    path = warehouse.settings.home / "customer.key"
    path.write_text("ab" * 32)
    with pytest.raises(SettingError) as caught:
        load_rows("c2,2024-06-01 10:00:00,2024-06-01 10:01:00,P,k1,card,60")
    for language in ("zh", "en"):
        assert str(path) in caught.value.message(language)
    assert path.read_text() == "ab" * 32
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingError, match="is not a customer key"):
        load_rows("c2,2024-06-01 10:00:00,2024-06-01 10:01:00,P,k1,card,60")
