"""How a sheet writes a figure: never as 0 or 100 % what is not."""

import pytest

from kpi.snapshots.render.workbook import number_format


@pytest.mark.parametrize(
    ("value", "unit", "change", "format_"),
    [
        (0.5, "share", False, "0.00%"),
        (1.0, "share", False, "0.00%"),
        (0.0, "share", False, "0.00%"),
        (39_071 / 39_072, "share", False, "0.000%"),
        (1 / 39_072, "share", False, "0.000%"),
        (1 - 1e-7, "share", False, "0.00000%"),
        (99.999, "points", False, "0.000"),
        (0.0004, "multiple", False, '0.0000"×"'),
        (0.0004, "score", False, "0.0000"),
        (-0.9998, "count", True, "+0.00%;-0.00%;0.00%"),
        (0.004, "share", True, '+0.000" pt";-0.000" pt";0.000" pt"'),
        (0.0, "share", True, '+0.00" pt";-0.00" pt";0.00" pt"'),
        (None, "share", False, "0.00%"),
        (12, "count", False, "#,##0"),
    ],
)
def test_trap_a_sheet_rounds_nothing_to_a_bound(value, unit, change, format_):
    assert number_format(unit, "en", change, value) == format_
