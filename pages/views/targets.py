"""The table of targets, to be edited, with the same list as a file."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from kpi.errors import StateError
from kpi.i18n import Language, phrase
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.state import LOCAL, Target
from kpi.state.targets import LONGEST_NOTE, LONGEST_OWNER, PLACES, save_targets
from kpi.state.targets import targets as kept
from kpi.targets import target_file
from kpi.targets.resolution import problems_of
from pages.data import cache
from pages.ui import cards, editor

_NAME = "targets"
_SHOWN = ("kpi", *PLACES, "low", "high", "first", "last", "owner", "note")
_LIMITS = {"low": "target_low", "high": "target_high"}


def section(language: Language, version: int) -> None:
    """The panel with the table. ``version``: of the warehouse, whose channels a target may be for."""
    channels = {key: name for key, name in cache.labels("channel", language, version).items() if key}
    table = editor.Table(
        _NAME,
        lambda: kept(cache.state_database()),
        _frame,
        _rows,
        _SHOWN,
        _columns(language, version),
        lambda rows: problems_of(rows, channels),
        lambda before, after: save_targets(cache.state_database(), before, after, LOCAL),
        lambda: _file(language, list(channels)),
    )
    editor.section(table, phrase(language, "targets_title"), phrase(language, "targets_sub"), language)


def _columns(language: Language, version: int) -> dict[str, Any]:
    kpis = [metric.id for section in SECTIONS for metric in METRICS.values() if metric.section == section]
    columns: dict[str, Any] = {
        "kpi": st.column_config.SelectboxColumn(
            phrase(language, "chart_kpi"),
            options=kpis,
            format_func=lambda kpi: _kpi_name(METRICS[kpi], language) if kpi in METRICS else str(kpi),
            required=True,
            width="medium",
        )
    }
    for place in PLACES:
        names = {key: name for key, name in cache.labels(place, language, version).items() if key}
        columns[place] = st.column_config.SelectboxColumn(
            DIMENSIONS[place].name(language),
            options=list(names),
            format_func=partial(_named, names),
            help=phrase(language, "target_place_help"),
        )
    for limit, title in _LIMITS.items():
        columns[limit] = st.column_config.NumberColumn(
            phrase(language, title), help=phrase(language, "target_limit_help")
        )
    return columns | {
        "first": st.column_config.DateColumn(phrase(language, "annotation_first"), required=True, format="YYYY-MM-DD"),
        "last": st.column_config.DateColumn(
            phrase(language, "annotation_last"), help=phrase(language, "target_last_help"), format="YYYY-MM-DD"
        ),
        "owner": st.column_config.TextColumn(phrase(language, "target_owner"), max_chars=LONGEST_OWNER),
        "note": st.column_config.TextColumn(phrase(language, "target_note"), max_chars=LONGEST_NOTE),
    }


def _named(names: Mapping[str, str], value: str) -> str:
    return names.get(value, value)


def _kpi_name(metric: Metric, language: Language) -> str:
    """The KPI with what its limits are typed in."""
    unit = phrase(language, f"target_typed_{metric.unit}")
    if metric.target_days is not None:
        unit = phrase(language, "target_typed_over", unit=unit, days=metric.target_days)
    elif metric.roll_up == "additive":
        unit = phrase(language, "target_typed_over", unit=unit, days=1)
    title = cards.metric_title(metric, language)
    return phrase(language, "target_typed", name=title, unit=unit) if unit else title


def _factor(kpi: object) -> float:
    """From a KPI's unit to what is typed: shares are typed in per cent."""
    metric = METRICS.get(str(kpi))
    return 100.0 if metric is not None and metric.unit == "share" else 1.0


def _typed(value: float | None, kpi: object) -> float | None:
    return None if value is None else round(value * _factor(kpi), 10)


def _frame(rows: list[Target]) -> pd.DataFrame:
    typed = [replace(row, low=_typed(row.low, row.kpi), high=_typed(row.high, row.kpi)) for row in rows]
    frame = editor.frame_of(typed, list(Target.__dataclass_fields__))
    return frame.astype(dict.fromkeys(_LIMITS, float))


def _rows(frame: pd.DataFrame, before: list[Target]) -> list[Target]:
    """What the editor gives back; a limit that was not touched stays what it was, to the last digit."""
    known = {row.id: row for row in before}
    found = []
    for record in editor.records_of(frame):
        old = known.get(record.get("id"))
        for limit in _LIMITS:
            if limit not in record:
                continue
            was = getattr(old, limit) if old is not None and old.kpi == record.get("kpi") else None
            typed = float(record[limit])
            same = was is not None and _typed(was, record.get("kpi")) == typed
            record[limit] = was if same else round(typed / _factor(record.get("kpi")), 12)
        found.append(Target(**record))
    return found


def _file(language: Language, channels: list[str]) -> None:
    """The list as a file, and a file in the place of the list."""
    try:
        rows = kept(cache.state_database())
    except StateError:
        return
    said = editor.as_file(
        _NAME,
        ("targets_upload_help", "targets_applied"),
        lambda: target_file.dump(rows, language),
        lambda text: target_file.apply(cache.state_database(), target_file.load(text, channels), LOCAL),
        language,
    )
    if said is not None:
        editor.done(_NAME, said)
