"""How a number, a change or a date is written, in Chinese and English.

One rule for pages, exports and alerts: three significant figures where space is short (``compact``), all that
carry meaning in tables; 万/亿 in Chinese, K/M in English; U+2212 as minus; an absent value is "–", never 0.

No rounding makes a bound of what is none: 0 and 100 % are written where the value is exactly that, else "<0.01%" and
">99.99%", in whatever unit and with as many decimals as the place has.
"""

import math
from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Protocol

from kpi.i18n import Language, phrase
from kpi.units import Unit

ABSENT = "–"
MINUS = "\u2212"

# What counts as three significant figures without dropping digits before the point.
_FIGURES = 3
# What is nearer to a bound than this is it: so far go the errors of sums of fractions.
_EXACT = 1e-12
# What the values of a unit never exceed, as they are written: these are bounds as nought is.
_BOUNDS: dict[str, tuple[float, ...]] = {"share": (100.0,), "points": (-100.0, 100.0)}
# From which number on, by what it is divided, and the letter.
_LARGE: dict[Language, tuple[tuple[float, float, str], ...]] = {
    "zh": ((1e8, 1e8, "亿"), (1e4, 1e4, "万")),
    "en": ((1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "K")),
}


class Changed(Protocol):
    """What of a cell tells its change."""

    @property
    def value(self) -> float | None: ...
    @property
    def change(self) -> float | None: ...
    @property
    def relative_change(self) -> float | None: ...


def format_value(value: float | None, unit: Unit, language: Language, compact: bool = True) -> str:
    """``value`` of a KPI in ``unit`` (shares as 0–1) with its unit; "–" for None."""
    if value is None or math.isnan(value):
        return ABSENT
    match unit:
        case "share":
            return _percent(value, compact)
        case "count" | "customers":
            return format_count(value, language, compact)
        case "yuan":
            text = format_amount(abs(value), language, compact)
            small = "" if not text.startswith("<") else "<" if value > 0 else ">"
            return f"{small}{'¥' if value >= 0 else f'{MINUS}¥'}{text.removeprefix('<')}"
        case "multiple":
            text = phrase(language, "unit_multiple", value=_figures(value) if compact else _decimals(value, 4))
        case "seconds":
            text = phrase(language, "unit_seconds", value=_figures(value) if compact else _decimals(value, 1))
        case "days":
            text = phrase(language, "unit_days", value=_figures(value) if compact else _decimals(value, 2))
        case "per_10k":
            text = phrase(language, "unit_per_10k", value=_figures(value) if compact else _decimals(value, 3))
        case "points":
            text = _decimals(value, 1 if compact else 2, _BOUNDS["points"])
        case "score":
            text = _decimals(value, 2 if compact else 3)
    return text


def format_limit(value: float, unit: Unit, language: Language) -> str:
    """A limit that somebody set, with its unit: as it was set, without zeros that nobody wrote."""
    if unit in {"count", "customers", "yuan"} and abs(value) >= 10_000:
        return format_value(value, unit, language)
    plain = _decimals(value * 100 if unit == "share" else value, 4, _BOUNDS.get(unit, ()))
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    match unit:
        case "share":
            return plain + "%"
        case "yuan":
            return f"¥{plain}"
        case "multiple":
            return phrase(language, "unit_multiple", value=plain)
        case "seconds":
            return phrase(language, "unit_seconds", value=plain)
        case "days":
            return phrase(language, "unit_days", value=plain)
        case "per_10k":
            return phrase(language, "unit_per_10k", value=plain)
    return plain


def format_change(cell: Changed, unit: Unit, language: Language, compact: bool = True) -> str:
    """The change of ``cell`` with its sign: shares in percentage points (those below one per cent, which are shown to
    hundredths, to hundredths too), counts and money relatively, the rest in their own unit; "–" where there is no
    comparison, "±0.0" where nothing changed, "<+0.1" where little did.
    """
    if unit in {"count", "customers", "yuan"}:
        relative = cell.relative_change
        return ABSENT if relative is None else _signed(relative * 100, 1 if compact else 2, (-100.0,)) + "%"
    change = cell.change
    if change is None or math.isnan(change):
        return ABSENT
    decimals = 2
    if unit == "share" and compact:
        whole = None if cell.value is None else cell.value - change
        decimals = part_decimals(unit, cell.value, whole) - 2
    return format_difference(change, unit, language, decimals if unit == "share" or not compact else 1)


def format_difference(change: float, unit: Unit, language: Language, decimals: int) -> str:
    """A difference of two values in their unit, with its sign; ``decimals`` of those that are told in points."""
    if unit == "share":
        value = _signed(change * 100, decimals, (-100.0, 100.0))
        return phrase(language, "unit_points_changed", value=value)
    if unit == "points":
        return phrase(language, "unit_points_changed_nps", value=_signed(change, decimals))
    value = _signed(change, 2 if unit in {"multiple", "score", "per_10k"} else 1)
    key = {"multiple": "unit_multiple", "seconds": "unit_seconds", "days": "unit_days"}.get(unit)
    return value if key is None else phrase(language, key, value=value)


# In which unit a part of a change is written, and with how many decimals: as the change is.
_PARTS: dict[Unit, tuple[int, int]] = {"share": (100, 3), "points": (1, 1), "seconds": (1, 1), "days": (1, 1)}


# A share below the first has one decimal more, money from the second on none.
_SMALL_SHARE, _MUCH_MONEY = 0.01, 100


def part_decimals(unit: Unit, *values: float | None) -> int:
    """How many decimals, of a KPI in ``unit`` with these values before and now, a part of its change is rounded to."""
    most = max((abs(value) for value in values if value is not None), default=float("inf"))
    if unit in {"count", "customers"} or (unit == "yuan" and most >= _MUCH_MONEY):
        return 0
    return _PARTS.get(unit, (1, 2))[1] + (unit == "share" and 0 < most < _SMALL_SHARE)


def format_parts(parts: Sequence[Fraction], unit: Unit, decimals: int) -> list[str]:
    """Parts of a change (rounded to ``decimals`` already), with their signs and without the unit, which the change
    has.
    """
    factor = _PARTS.get(unit, (1, 2))[0]
    return [_signed(float(part * factor), decimals - (2 if factor == 100 else 0)) for part in parts]


def shown_sign(cell: Changed, unit: Unit, compact: bool = True) -> int:
    """−1, 0 or 1: the sign of a change as ``format_change`` writes it (what rounds to nothing is 0)."""
    text = format_change(cell, unit, "en", compact)
    return {"+": 1, MINUS: -1, "<": 0 if "<+" in text else -1, ">": 0 if f">{MINUS}" in text else 1}.get(text[0], 0)


def format_count(value: float, language: Language, compact: bool = True) -> str:
    """A number of things: "9,876", "6,615 万", "66.1 M"; in full unless ``compact``."""
    return format_amount(round(value), language, compact, decimals=0)


def format_amount(value: float, language: Language, compact: bool = True, decimals: int = 2) -> str:
    """A number that may be large; below ten thousand, or not ``compact``, with ``decimals``."""
    if compact:
        steps = _LARGE[language]
        for place, (least, divisor, letter) in enumerate(steps):
            if abs(value) >= least:
                # 999,960 are no 1,000 K: rounded they are the first of the next step.
                if place and round(abs(value) / divisor) >= steps[place - 1][1] / divisor:
                    _, divisor, letter = steps[place - 1]
                return f"{_figures(value / divisor)} {letter}"
    return _decimals(value, decimals)


def format_percent(share: float, digits: int = 0) -> str:
    """A share for a label where an exact figure stands elsewhere: "53%", below half a percent "<1%"."""
    return _decimals(share * 100, digits, _BOUNDS["share"]) + "%"


def axis_unit(largest: float, language: Language) -> tuple[float, str]:
    """Divisor and letter for an axis, or a row, whose largest number is ``largest``."""
    for least, divisor, letter in _LARGE[language]:
        if abs(largest) >= least:
            return divisor, letter
    return 1.0, ""


def format_bare(value: float | None, unit: Unit, divisor: float = 1.0) -> str:
    """Three figures without a unit, for a table whose row or title names it; shares in per cent."""
    if value is None or math.isnan(value):
        return ABSENT
    if unit == "share":
        return _percent(value, compact=True).removesuffix("%")
    whole = unit in {"count", "customers"} and divisor == 1
    return _decimals(value, 0) if whole else _figures(value / divisor, _BOUNDS.get(unit, ()))


def _percent(value: float, compact: bool) -> str:
    percent = value * 100
    if not compact:
        return _decimals(percent, 2, _BOUNDS["share"]) + "%"
    return _figures(percent, _BOUNDS["share"]) + "%"


def _figures(value: float, bounds: Sequence[float] = ()) -> str:
    """Three significant figures, never dropping digits before the point and at most two after it; more of them where
    fewer would make a bound of what is none.
    """
    if abs(value) < _EXACT:
        return "0"
    before = max(1, math.floor(math.log10(abs(value))) + 1)
    decimals = min(2, max(0, _FIGURES - before))
    text = _decimals(value, decimals)
    # 99.96 rounds up into another digit: 100.0 has one figure too many.
    if len(text.lstrip("<>" + MINUS).replace(".", "").replace(",", "")) > _FIGURES and "." in text:
        text = _decimals(value, max(0, _FIGURES - before - 1))
    written = text.replace(MINUS, "-").replace(",", "")
    if any(written == f"{bound:.{len(written.partition('.')[2])}f}" for bound in bounds):
        return text if any(_is(value, bound) for bound in bounds) else _decimals(value, 2, bounds)
    return text


def _is(value: float, bound: float) -> bool:
    return abs(value - bound) < _EXACT * max(1.0, abs(bound))


def _rounds_to(value: float, bound: float, decimals: int) -> bool:
    """Whether a value that lies within a bound, and is not it, would be written as it."""
    return not _is(value, bound) and float(f"{value:.{decimals}f}") == bound


def exact_decimals(value: float, decimals: int, bounds: Sequence[float]) -> int:
    """``decimals``, or the fewest more with which a value is not written as nought, or as one of ``bounds``, that it is
    not: for a number that stays one, as in a sheet.
    """
    while decimals < 12 and any(_rounds_to(value, bound, decimals) for bound in (0.0, *bounds)):
        decimals += 1
    return decimals


def _decimals(value: float, decimals: int, bounds: Sequence[float] = ()) -> str:
    """With so many decimals; what would be written as nought, or as one of ``bounds``, and is not: as "<" or ">" of the
    last number before it.
    """
    step = 10.0**-decimals
    if abs(value) >= _EXACT and float(f"{value:.{decimals}f}") == 0:
        return f"<{step:.{decimals}f}" if value > 0 else f">{MINUS}{step:.{decimals}f}"
    for bound in bounds:
        if _rounds_to(value, bound, decimals):
            last = bound - math.copysign(step, bound)
            return (">" if bound > 0 else "<") + _decimals(last, decimals)
    text = f"{abs(value):,.{decimals}f}"
    negative = value < 0 and any(digit in text for digit in "123456789")
    return MINUS + text if negative else text


def _signed(value: float, decimals: int, bounds: Sequence[float] = ()) -> str:
    text = _decimals(value, decimals, bounds)
    if not any(digit in text for digit in "123456789"):
        return "±" + text
    if value < 0:
        return text
    return f"{text[0]}+{text[1:]}" if text[0] in "<>" else "+" + text


# --- dates ---------------------------------------------------------------------------------------------------------

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS: dict[Language, tuple[str, ...]] = {
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}


def weekday(number: int, language: Language) -> str:
    """The short name of a weekday, 1 = Monday."""
    return _WEEKDAYS[language][number - 1]


def format_date(day: date, language: Language, year: bool = False) -> str:
    """A day: 11-23 / 23 Nov; with the year 2026-11-23 / 23 Nov 2026."""
    if language == "zh":
        return f"{day:%Y-%m-%d}" if year else f"{day:%m-%d}"
    return f"{day.day} {_MONTHS[day.month - 1]}" + (f" {day.year}" if year else "")


def format_period(start: date, end: date, language: Language, year: bool = True) -> str:
    """Two inclusive dates, the year once where it is the same one; without ``year`` only where they differ in it."""
    if start == end:
        return format_date(start, language, year)
    both = start.year != end.year
    if language == "zh":
        return f"{format_date(start, 'zh', year or both)} 至 {format_date(end, 'zh', both)}"
    return f"{format_date(start, 'en', both)} – {format_date(end, 'en', year or both)}"


def weekday_name(weekday: int, language: Language) -> str:
    """The name of a weekday, 1 = Monday … 7."""
    return _WEEKDAYS[language][weekday - 1]


def format_moment(moment: datetime, language: Language, weekday: bool = True) -> str:
    """A local time to the minute: "11-23 周一 11:00" / "Mon 23 Nov 11:00"."""
    name = _WEEKDAYS[language][moment.weekday()]
    day = format_date(moment, language)
    if not weekday:
        return f"{day} {moment:%H:%M}"
    return f"{day} {name} {moment:%H:%M}" if language == "zh" else f"{name} {day} {moment:%H:%M}"
