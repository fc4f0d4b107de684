"""Customers' ids never reach the facts: each becomes a number by a keyed hash, made at import.

The key is made once and lies in ``customer.key`` in ``KPI_HOME``, readable by its owner only. The same id gives
the same number in every feed. Without the key nobody can try ids until one fits; if it is lost, known customers come
out as new ones, so it belongs in the backup.
"""

import hmac
import os
import secrets
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from kpi.errors import SettingError
from kpi.home import to_be_written

_BYTES = 32


def customer_key(home: Path, *, hashed_before: bool = False, mark: str = "") -> bytes:
    """The key, made at the first call.

    ``hashed_before``: the warehouse holds customers hashed with a key, so that making another one would be wrong;
    ``mark``: of that key (``key_mark``), where it is known. Raises SettingError when the file is no key, is missing
    where there must be one, or is another one; WarehouseError where the home cannot be written.
    """
    path = home / "customer.key"
    if not os.path.lexists(path):
        if hashed_before or mark:
            raise SettingError("customer_key_lost", path=path)
        with to_be_written(home):
            _make(path)
    key = _read(path)
    if mark and key_mark(key) != mark:
        raise SettingError("customer_key_other", path=path)
    return key


def key_mark(key: bytes) -> str:
    """By what a warehouse knows the key that its customers were hashed with; nothing of the key follows from it."""
    return hmac.digest(key, b"switchboard: mark of the customer key", "sha256").hex()[:32]


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".customer.key.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(_BYTES) + "\n")
    try:
        os.link(draft, path)  # whole or not at all, and the first of two imports at once wins
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (ValueError, OSError) as error:
        raise SettingError("bad_customer_key", path=path) from error
    if len(key) != _BYTES:
        raise SettingError("bad_customer_key", path=path)
    return key


def pseudonyms(ids: pa.Array, key: bytes) -> pa.Array:
    """Ids (text) as positive 63-bit numbers; null and blank (unidentified) stay null."""
    encoded = pc.dictionary_encode(pc.utf8_trim_whitespace(ids))
    numbers = pa.array([_number(id_, key) for id_ in encoded.dictionary.to_pylist()], pa.int64())
    return numbers.take(encoded.indices)


def _number(id_: str, key: bytes) -> int | None:
    if not id_:
        return None
    # 0 is left free, so that no customer looks like a "none" of another system.
    return (int.from_bytes(hmac.digest(key, id_.encode(), "sha256")[:8]) >> 1) or 1
