"""Annotations: what may be written, and that nobody's change is lost unseen."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from kpi.errors import StaleEdit
from kpi.settings import Settings
from kpi.state import Annotation, StateDatabase, problems_of
from kpi.state.annotations import LONGEST, annotations, begin_with, save_annotations

SALE = Annotation(date(2026, 11, 9), date(2026, 11, 12), "campaign", "双十一", "11.11")
OUTAGE = Annotation(date(2026, 11, 3), None, "incident", "微信故障", "")


@pytest.fixture
def state(settings: Settings) -> Iterator[StateDatabase]:
    opened = StateDatabase(settings)
    save_annotations(opened, [], [SALE, OUTAGE], "ann")
    yield opened
    opened.close()


def texts(state: StateDatabase) -> list[str]:
    return [row.text_zh for row in annotations(state)]


def test_what_is_saved_is_read_by_its_days(state: StateDatabase) -> None:
    outage, sale = annotations(state)
    assert (outage.first, outage.last, outage.author) == (date(2026, 11, 3), date(2026, 11, 3), "ann")
    assert sale.says(SALE)
    assert (outage.text("en"), sale.text("en"), sale.text("zh")) == ("微信故障", "11.11", "双十一")
    for first, last, expected in (
        (date(2026, 11, 4), date(2026, 11, 8), []),
        (date(2026, 11, 12), date(2026, 11, 30), ["双十一"]),
        (date(2026, 11, 1), date(2026, 11, 9), ["微信故障", "双十一"]),
    ):
        assert [row.text_zh for row in annotations(state, first, last)] == expected


def test_add_change_and_delete_in_one_go(state: StateDatabase) -> None:
    before = annotations(state)
    outage, sale = before
    added = Annotation(date(2026, 10, 1), date(2026, 10, 2), "release", "上线", "release")
    save_annotations(state, before, [replace(sale, text_zh="大促"), added], "ben")
    after = annotations(state)
    assert [(row.text_zh, row.author) for row in after] == [("上线", "ben"), ("大促", "ben")]
    assert after[1].id == sale.id
    assert after[1].changed_at != sale.changed_at
    assert outage.id not in {row.id for row in after}


def test_a_row_that_was_not_changed_keeps_its_author(state: StateDatabase) -> None:
    before = annotations(state)
    save_annotations(state, before, before, "ben")
    assert annotations(state) == before


def test_trap_the_second_save_of_a_stale_row_is_refused_whole(state: StateDatabase) -> None:
    before = annotations(state)
    outage, sale = before
    save_annotations(state, before, [outage, replace(sale, text_zh="甲")], "ann")
    changed = [replace(outage, text_zh="故障"), replace(sale, text_zh="乙"), replace(OUTAGE, text_zh="丙")]
    with pytest.raises(StaleEdit) as caught:
        save_annotations(state, before, changed, "ben")
    assert "2026-11-09 双十一" in caught.value.message("zh")
    assert "微信故障" not in caught.value.message("en")
    assert texts(state) == ["微信故障", "甲"]


def test_trap_a_row_removed_meanwhile_cannot_be_changed_or_removed(state: StateDatabase) -> None:
    before = annotations(state)
    save_annotations(state, before, before[1:], "ann")
    for after in ([replace(before[0], text_zh="x"), before[1]], [before[1]]):
        with pytest.raises(StaleEdit):
            save_annotations(state, before, after, "ben")


def test_others_rows_do_not_stand_in_the_way(state: StateDatabase) -> None:
    before = annotations(state)
    save_annotations(state, before, [replace(before[0], text_zh="甲"), before[1]], "ann")
    save_annotations(state, before, [before[0], replace(before[1], text_zh="乙")], "ben")
    assert texts(state) == ["甲", "乙"]


def test_a_table_is_begun_once(settings: Settings) -> None:
    fresh = StateDatabase(settings)
    assert begin_with(fresh, [SALE, OUTAGE], "demo")
    assert not begin_with(fresh, [SALE], "demo")
    assert texts(fresh) == ["微信故障", "双十一"]
    assert not begin_with(fresh, [], "demo")


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (replace(SALE, first=None), "annotation_no_date"),
        (replace(SALE, last=date(2026, 11, 8)), "annotation_reversed"),
        (replace(SALE, first=date(1, 1, 1)), "problem_is"),
        (replace(SALE, kind="party"), "annotation_no_kind"),  # type: ignore[arg-type]
        (replace(SALE, text_zh=" ", text_en=""), "annotation_no_text"),
        (replace(SALE, text_en="x" * (LONGEST + 1)), "annotation_long"),
    ],
)
def test_a_bad_row_is_named_with_what_is_wrong(row: Annotation, key: str) -> None:
    (problem,) = problems_of([SALE, row])
    assert (problem.row, problem.key) == (2, key)
    assert problem.message("zh").startswith("第 2 行：")
    assert problem.message("en").startswith("Row 2: ")


def test_good_rows_have_no_problem() -> None:
    assert problems_of([SALE, OUTAGE]) == []
