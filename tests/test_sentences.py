"""Every sentence is held against the table that it stands over: the lowest named is the lowest shown, what is named is
drawn, n named is n of the rows, a change told is the table's change, ties are told as ties.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.charts import Slots, Style, part_drawn, picture
from kpi.charts.pivoted import MOST_BARS, MOST_LINES
from kpi.i18n import phrase
from kpi.i18n.formats import format_change, format_count, format_value
from kpi.metrics.registry import METRICS
from kpi.narrative import journeys
from kpi.narrative.caveats import caveats_of, cut_note
from kpi.narrative.change_tone import goodness
from kpi.narrative.channels import where_from, whose_rate
from kpi.narrative.extremes import MOST_NAMED, ends, extremes
from kpi.narrative.funnel import CHAIN_KPIS, chain, in_hundred
from kpi.narrative.headline import movers, opening
from kpi.narrative.long_tail import covered, dividends, unreached
from kpi.narrative.satisfaction import how_content
from kpi.narrative.service_desk import desk_opening, waits
from kpi.narrative.staffing_plan import worst
from kpi.narrative.tiers import standing_out
from kpi.pivot import Axis, Pivot, axis, to_frame
from kpi.query import Answer, Cell, Period, Question, answer
from kpi.query.cell_rules import few
from kpi.stats.intervals import newcombe, response_bounds, wilson
from kpi.warehouse import Warehouse
from tests.world import World, make

WEEK = Period(date(2026, 3, 2), date(2026, 3, 8))
STYLE = Style("en")


def said(sentence):
    return "".join(span.text for span in sentence)


def answered(cells, by=(), compare="previous", period=WEEK):
    kpis = tuple(dict.fromkeys(cell.kpi for cell in cells))
    question = Question(kpis, period, by, compare=compare)
    return Answer(question, 1, True, {}, period, period.shifted(-period.days), "length", (), tuple(cells))


def counted(key, value, previous=None, kpi="volume"):
    change = None if previous is None else value - previous
    return Cell(kpi, key, float(value), value, None, value, previous=previous, change=change)


def rate(kpi, key, now, before=None):
    """``now``, ``before``: (hits, of), of the period and of the comparison."""
    hits, of = now
    if not of:
        return Cell(kpi, key, None, hits, of, of, reason="zero_denominator")
    low, high = wilson(hits, of)
    cell = Cell(kpi, key, hits / of, hits, of, of, low, high)
    if before is None or not before[1]:
        return cell
    change_low, change_high = newcombe(hits, of, *before)
    was = before[0] / before[1]
    change = cell.value - was
    return replace(cell, previous=was, change=change, change_low=change_low, change_high=change_high)


_pairs = st.integers(0, 80).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))
_both = st.tuples(_pairs, _pairs)


# --- the highest and the lowest ------------------------------------------------------------------------------------


@st.composite
def _tables(draw):
    """Cells of a count or a rate by topic, some of them alike, few, cut or without a value."""
    if draw(st.booleans()):
        values = draw(st.lists(st.integers(0, 5) | st.integers(0, 99_999), min_size=1, max_size=12))
        cells = [counted((f"t{at}",), value) for at, value in enumerate(values)]
    else:
        pairs = draw(st.lists(_pairs, min_size=1, max_size=12))
        cells = [rate("csat", (f"t{at}",), pair) for at, pair in enumerate(pairs)]
    cut = draw(st.sets(st.integers(0, len(cells) - 1), max_size=2))
    return [replace(cell, days=WEEK) if at in cut else cell for at, cell in enumerate(cells)]


@settings(max_examples=200, deadline=None)
@given(_tables(), st.sampled_from(["zh", "en"]), st.integers(0, 3))
def test_the_extremes_named_are_those_of_the_table(cells, language, left_out):
    metric = METRICS[cells[0].kpi]
    whole = counted((), 10) if metric.id == "volume" else rate("csat", (), (5, 10))
    named = [(f"<{cell.key[0]}>", cell) for cell in cells]
    text = said(extremes(metric, whole, named, language, left_out))
    # A count of one is a fact; only a rate needs thirty, and a part of a week is no week.
    judged = [
        (n, c) for n, c in named if c.value is not None and not c.partial and (metric.is_count_or_sum or c.n >= 30)
    ]
    values = [cell.value for _, cell in judged]
    names = set(re.findall(r"<t\d+>", text))
    if len(values) < 2:
        assert not names
        return
    for end in (max(values), min(values)):
        alike = {name for name, cell in judged if cell.value == end}
        assert format_value(end, metric.unit, language) in text
        if max(values) == min(values):
            assert str(len(judged)) in text
        elif len(alike) <= MOST_NAMED:
            assert alike <= names
        else:
            assert phrase(language, "say_so_many", count=len(alike)) in text
    assert names <= {name for name, cell in judged if cell.value in {max(values), min(values)}}
    assert (phrase(language, "say_of_shown", count=len(named)) in text) == (left_out > 0)
    assert (phrase(language, "say_of_firm") in text) == any(few(cell) for cell in cells)


def test_trap_a_topic_with_one_contact_is_the_lowest():
    cells = [("Statements", counted((1,), 38)), ("Cards", counted((2,), 90)), ("Gold", counted((3,), 1))]
    assert "lowest: Gold 1" in said(extremes(METRICS["volume"], counted((), 129), cells, "en"))
    cells.append(("Safe", counted((4,), 1)))
    assert "lowest: Gold, Safe, each 1." in said(extremes(METRICS["volume"], counted((), 130), cells, "en"))
    cells += [(name, counted((5,), 1)) for name in "AB"]
    assert "lowest: 4 rows, each 1." in said(extremes(METRICS["volume"], counted((), 132), cells, "en"))


# --- what a figure draws -------------------------------------------------------------------------------------------


def names_drawn(chart, field):
    """The values of a field of a figure's data."""
    found = set()
    spec = chart.to_dict()
    for data in spec.get("datasets", {}).values():
        found |= {row[field] for row in data if field in row}
    return found


@st.composite
def _pivots(draw):
    """A KPI by topic, or by topic and week, with more topics than a figure may draw, some cut off from the table."""
    many, weeks = draw(st.integers(1, 45)), draw(st.integers(0, 4))
    random = Random(draw(st.integers(0, 999)))
    metric = METRICS[draw(st.sampled_from(["volume", "csat"]))]

    def cell(key):
        if metric.id == "volume":
            return counted(key, random.choice([1, 2, random.randint(3, 900)]), random.randint(0, 900))
        of = random.randint(1, 90)
        return rate("csat", key, (random.randint(0, of), of))

    topics = [f"t{at}" for at in range(many)]
    starts = [WEEK.start + timedelta(days=7 * at) for at in range(weeks)]
    period = Period(WEEK.start, WEEK.start + timedelta(days=max(7 * weeks, 7) - 1))
    if not weeks:
        parts = [cell((topic,)) for topic in topics]
        whole = counted((), sum(int(one.value or 0) for one in parts), sum(int(one.previous or 0) for one in parts))
        whole = whole if metric.id == "volume" else rate("csat", (), (5, 10))
        rows = answered(parts, ("topic",), period=period)
        kept = axis(rows, draw(st.sampled_from([20, 100])), {})
        return metric, Pivot(answered([whole], period=period), kept, rows), "bars"
    cells = [cell((topic, start)) for topic in topics for start in starts]

    def total(key, parts):
        if metric.id == "volume":
            return counted(key, sum(int(one.value or 0) for one in parts))
        return rate("csat", key, (sum(int(one.numerator) for one in parts), sum(int(one.denominator) for one in parts)))

    by_topic = [total((topic,), [one for one in cells if one.key[0] == topic]) for topic in topics]
    by_week = [total((start,), [one for one in cells if one.key[1] == start]) for start in starts]
    across = axis(answered(by_topic, ("topic",), period=period), draw(st.sampled_from([20, 100])), {})
    turned = draw(st.booleans())
    both = [replace(one, key=one.key[::-1]) for one in cells] if turned else cells
    week_axis = Axis("week", tuple(starts))
    sides = [(across, answered(by_topic, ("topic",), period=period)),
             (week_axis, answered(by_week, ("week",), period=period))]  # fmt: skip
    (rows, by_rows), (cols, by_cols) = sides[::-1] if turned else sides
    whole = answered([total((), by_topic)], period=period)
    return metric, Pivot(whole, rows, by_rows, cols, by_cols, answered(both, ("topic", "week"), period=period)), "line"


@settings(max_examples=60, deadline=None)
@given(_pivots())
def test_what_is_named_is_drawn_and_what_is_not_drawn_is_said(made):
    metric, pivot, kind = made
    topics = pivot.rows if pivot.rows.dimension == "topic" else pivot.cols
    slots = Slots(pivot.whole.period, "week", date(2030, 1, 1))
    field, most = ("name", MOST_BARS) if kind == "bars" else ("line", MOST_LINES)
    drawn = names_drawn(picture(kind, metric, pivot, {}, slots, STYLE), field) - {phrase("en", "pivot_all")}
    own = {name for name in drawn if name in set(topics.values)}
    others = drawn - own
    total = len(topics.values) + topics.left_out
    told = part_drawn(kind, metric, pivot, "en")
    assert len(drawn) <= most
    if len(own) == total:
        assert (told, others) == ("", set())
        return
    assert told.startswith(f"{len(own)} of {total} drawn")
    # What adds is there all the same: the others are one more, and say how many they are.
    assert others == ({phrase("en", "chart_others", count=total - len(own))} if metric.id == "volume" else set())
    if topics is pivot.rows:
        cells = [(value, pivot.cell(metric.id, value)) for value in topics.values]
        for end in ends(cells):
            assert len(end) > MOST_NAMED or set(end) <= own


@settings(max_examples=40, deadline=None)
@given(_pivots())
def test_the_others_of_a_figure_are_what_is_left_of_the_whole(made):
    metric, pivot, kind = made
    if metric.id != "volume" or kind != "bars":
        return
    spec = picture(kind, metric, pivot, {}, Slots(WEEK, "week", date(2030, 1, 1)), STYLE).to_dict()
    bars = {row["name"]: row["value"] for rows in spec["datasets"].values() for row in rows if "end" in row}
    assert sum(bars.values()) == pivot.cell("volume").value


def test_trap_no_two_lines_of_a_figure_look_alike():
    cells = [counted((f"t{at}", WEEK.start), 5 + at) for at in range(MOST_LINES)]
    by_topic = answered([replace(one, key=one.key[:1]) for one in cells], ("topic",))
    weeks = answered([counted((WEEK.start,), 100)], ("week",))
    pivot = Pivot(answered([counted((), 100)]), axis(by_topic, 100, {}), by_topic, Axis("week", (WEEK.start,)), weeks,
                  answered(cells, ("topic", "week")))  # fmt: skip
    spec = picture("line", METRICS["volume"], pivot, {}, Slots(WEEK, "week", date(2030, 1, 1)), STYLE).to_dict()
    encoding = next(layer["encoding"] for layer in spec["layer"] if "strokeDash" in layer["encoding"])
    looks = list(zip(encoding["color"]["scale"]["range"], map(tuple, encoding["strokeDash"]["scale"]["range"]),
                     strict=True))  # fmt: skip
    assert len(set(looks)) == len(looks) == MOST_LINES


# --- the sentences of the pages ------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.lists(_both, min_size=1, max_size=4), st.sampled_from(["zh", "en"]))
def test_movers_count_all_that_were_compared(pairs, language):
    kpis = ["self_service_rate", "csat", "answer_rate", "settled_rate"]
    cells = [rate(kpi, (), now, before) for kpi, (now, before) in zip(kpis, pairs, strict=False)]
    text = said(movers(cells, METRICS, language))
    compared = [cell for cell in cells if cell.change is not None]
    told = [cell for cell in compared if goodness(cell, METRICS[cell.kpi])]
    for cell in cells:
        assert (METRICS[cell.kpi].name(language) in text) == (cell in told)
        if cell in told:
            assert format_change(cell, "share", language) in text
    if compared and not told:
        assert str(len(compared)) in text
    elif len(told) < len(compared):
        assert phrase(language, "say_rest", count=len(compared) - len(told)) in text


@settings(max_examples=50, deadline=None)
@given(_both, _both, st.integers(0, 99_999), st.integers(1, 99_999))
def test_the_opening_tells_the_cards_figures_and_changes(own, gone, now, before):
    cells = [rate("self_service_rate", (), *own), rate("given_up_rate", (), *gone),
             counted((), now, before)]  # fmt: skip
    text = said(opening(answered(cells), METRICS, {cell.kpi: cell.kpi for cell in cells}, "en"))
    for cell in (cells[0], cells[2]):
        assert f"{cell.kpi} {format_value(cell.value, METRICS[cell.kpi].unit, 'en')}" in text
        if cell.change is not None:
            assert format_change(cell, METRICS[cell.kpi].unit, "en") in text
    if cells[1].value is not None:
        assert format_value(cells[1].value, "share", "en") in text


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=6))
def test_the_channels_named_first_have_the_largest_shares(counts):
    total = sum(counts)
    cells = [rate("channel_mix", (f"<c{at}>",), (count, total)) for at, count in enumerate(counts)]
    names = {cell.key[0]: cell.key[0] for cell in cells}
    text = said(where_from(counted((), total), answered(cells, ("channel",)), METRICS, names, "en"))
    told = re.findall(r"<c(\d+)>", text)
    largest = sorted((count for count in counts if count), reverse=True)[:2]
    assert [counts[int(place)] for place in told] == largest
    for cell in cells:
        if cell.key[0] in text:
            assert format_value(cell.value, "share", "en") in text


@settings(max_examples=60, deadline=None)
@given(st.lists(_both, min_size=1, max_size=7), _pairs)
def test_a_tier_that_stands_out_has_the_tables_figure(pairs, whole):
    cells = [rate("csat", (str(at + 1),), now) for at, (now, _) in enumerate(pairs)]
    of = sum(int(cell.denominator) for cell in cells)
    hits = sum(int(cell.numerator) for cell in cells)
    text = said(standing_out([METRICS["csat"]], {"csat": rate("csat", (), (hits, of))}, answered(cells, ("tier",)),
                             {"csat": "CSAT"}, {str(n): f"<t{n}>" for n in range(1, 8)}, "en"))  # fmt: skip
    for tier in re.findall(r"<t(\d)>", text):
        cell = cells[int(tier) - 1]
        assert not few(cell)
        assert format_value(cell.value, "share", "en") in text


@settings(max_examples=60, deadline=None)
@given(st.lists(_both, min_size=1, max_size=6), st.sampled_from(["zh", "en"]))
def test_the_lowest_service_level_is_that_of_the_map(pairs, language):
    cells = [rate("service_level", (f"<a{at}>",), now, before) for at, (now, before) in enumerate(pairs)]
    names = {cell.key[0]: cell.key[0] for cell in cells}
    text = said(waits(answered(cells, ("team",)), worst(cells), (), names, language))
    judged = [cell for cell in cells if cell.value is not None and not few(cell)]
    lowest = {cell.value for cell in judged}
    if len(lowest) < 2:
        assert text == ""
        return
    alike = [cell for cell in judged if cell.value == min(lowest)]
    named = re.findall(r"<a\d+>", text)
    assert named == ([cell.key[0] for cell in alike] if len(alike) <= MOST_NAMED else [])
    assert format_value(min(lowest), "share", language) in text
    if len(alike) == 1:
        assert f"{format_count(alike[0].n, language)}" in text


@settings(max_examples=60, deadline=None)
@given(st.lists(_both, min_size=1, max_size=8))
def test_the_function_left_unfinished_most_is_the_first_of_the_ranking(pairs):
    metric = METRICS["function_failure"]
    cells = [rate(metric.id, (f"<f{at}>",), now, before) for at, (now, before) in enumerate(pairs)]
    firm = [cell for cell in cells if cell.value is not None and not few(cell)]
    ranked = sorted((cell for cell in firm if cell.value), key=lambda cell: -cell.value)
    text = said(journeys.fails_most(cells, ranked, metric, {cell.key[0]: cell.key[0] for cell in cells}, "en"))
    if not ranked:
        assert text == ""
        return
    alike = {cell.key[0] for cell in firm if cell.value == ranked[0].value}
    assert set(re.findall(r"<f\d+>", text)) == (alike if len(alike) <= MOST_NAMED else set())
    assert f"among {len(firm)} functions" in text
    if len(alike) == 1 and ranked[0].change is not None:
        assert format_change(ranked[0], "share", "en") in text


@settings(max_examples=60, deadline=None)
@given(st.lists(_both, min_size=1, max_size=6))
def test_the_channel_that_moved_most_is_told_with_its_own_change(pairs):
    metric = METRICS["settled_rate"]
    cells = [rate(metric.id, (f"<c{at}>",), now, before) for at, (now, before) in enumerate(pairs)]
    text = said(journeys.moved_most(cells, metric, {cell.key[0]: cell.key[0] for cell in cells}, "en"))
    named = re.findall(r"<c(\d+)>", text)
    beyond = [cell for cell in cells if cell.change is not None and goodness(cell, metric)]
    assert bool(named) == bool(beyond)
    for at in named:
        assert format_change(cells[int(at)], "share", "en") in text
        assert format_value(cells[int(at)].value, "share", "en") in text


@settings(max_examples=40, deadline=None)
@given(_both, _both, _both)
def test_other_openings_tell_the_figures_of_their_cards(first, second, third):
    def shares(kpis):
        pairs = (first, second, third)
        return [rate(kpi, (), now, before) for kpi, (now, before) in zip(kpis, pairs, strict=False)]

    desk = shares(["service_level", "answer_rate", "abandonment_rate"])
    desk[0] = replace(desk[0], variant="SL1")
    text = said(desk_opening(answered(desk), METRICS, "en"))
    assert all(format_value(cell.value, "share", "en") in text for cell in desk)
    content = shares(["csat", "response_rate"])
    text = said(how_content(answered(content), METRICS, "en"))
    assert format_value(content[0].value, "share", "en") in text
    if content[0].value is not None and content[1].value is not None:
        for bound in response_bounds(content[0].value, content[1].value):
            assert format_value(bound, "share", "en") in text
    own, together, centre = shares(["self_service_rate"] * 3)
    text = said(whose_rate(own, together, centre, None, "en"))
    assert not text or format_value(own.value, "share", "en") in text
    (reach,) = shares(["long_tail_coverage"])
    for cell, told in ((reach, covered(reach, answered([reach]), None, "en")),
                       (reach, unreached(reach, answered([reach]), "en"))):  # fmt: skip
        if cell.value is not None:
            assert format_value(cell.value, "share", "en") in said(told)
            assert format_count(cell.numerator, "en") in said(told)


def test_what_members_bring_is_told_for_both():
    cells = [Cell("tail_value", (who,), value, value, 1, 100) for who, value in (("yes", 12.5), ("no", 9.0))]
    text = said(dividends(cells, "en"))
    assert all(format_value(cell.value, METRICS["tail_value"].unit, "en") in text for cell in cells)


# --- over a small bank ---------------------------------------------------------------------------------------------

TOPICS = tuple(f"topic{at:02}" for at in range(40))
ASKED = Period(date(2026, 3, 4), date(2026, 4, 15))  # cuts its first and last week, and both its months


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Some contacts a day over two months on forty topics, of which some have one and most have few."""
    made, random = make(tmp_path_factory.mktemp("bank"), "duckdb"), Random(7)
    world = World(channels=("hotline", "wechat"))
    world.topic(*TOPICS)
    for day in (date(2026, 2, 20) + timedelta(days=at) for at in range(70)):
        for _ in range(random.randint(12, 20)):
            kind = random.choice(["call", "self", "self", "gave_up", "robot"])
            topic = TOPICS[min(int(random.expovariate(0.12)), len(TOPICS) - 1)]
            world.contact(kind, f"{day} 10:{random.randint(10, 59)}", topic=topic)
    world.publish(made, "2026-05-01 00:00")
    yield made
    made.close()


@pytest.mark.parametrize("kpi", ["volume", "self_service_rate"])
def test_an_exploration_by_topic_names_the_lowest_of_its_rows(bank, kpi):
    rows = answer(bank, Question((kpi,), ASKED, ("topic",), compare="previous"))
    whole = answer(bank, Question((kpi,), ASKED, compare="previous"))
    kept = axis(rows, 100, {})
    pivot = Pivot(whole, kept, rows)
    named = [(str(value), rows.cell(kpi, value)) for value in kept.values]
    text = said(extremes(METRICS[kpi], whole.cell(kpi), named, "en"))
    shown = to_frame(pivot, {}, "en")
    values = shown.iloc[:-1][next(str(name) for name in shown if str(name).endswith("Value"))]
    judged = values[[not few(cell) and cell.value is not None for _, cell in named]]
    assert len(judged) > 2
    for end in (judged.min(), judged.max()):
        assert format_value(end, METRICS[kpi].unit, "en") in text
    drawn = names_drawn(picture("bars", METRICS[kpi], pivot, {}, Slots(ASKED, "date", date(2030, 1, 1)), STYLE), "name")
    assert set(re.findall(r"topic\d\d", text)) <= drawn


@pytest.mark.parametrize(("by", "first", "last"), [
    ("week", Period(date(2026, 3, 4), date(2026, 3, 8)), Period(date(2026, 4, 13), date(2026, 4, 15))),
    ("month", Period(date(2026, 3, 4), date(2026, 3, 31)), Period(date(2026, 4, 1), date(2026, 4, 15))),
])  # fmt: skip
def test_trap_a_cut_week_or_month_is_never_whole(bank, by, first, last):
    found = answer(bank, Question(("volume",), ASKED, (by,)))
    cut = {cell.key[0]: cell.days for cell in found.cells if cell.days is not None}
    assert sorted(cut.values()) == [first, last]
    assert all(not cell.provisional for cell in found.cells)
    whole, kept = answer(bank, Question(("volume",), ASKED)), axis(found, 100, {})
    pivot = Pivot(whole, kept, found)
    for value, days in cut.items():
        name = kept.name(value, {}, "en")
        assert name.endswith(" (part)")
        assert str(days.start.day) in name
        assert str(days.end.day) in name
        assert caveats_of(found.cell("volume", value), "en")
    assert len(cut_note(found, "en").split(",")) == 2
    named = [(kept.name(value, {}, "en"), found.cell("volume", value)) for value in kept.values]
    assert "(part)" not in said(extremes(METRICS["volume"], whole.cell("volume"), named, "en"))
    frame = to_frame(pivot, {}, "en")
    assert frame.iloc[0, 0] == next(iter(kept.values)), "a file has days as days"
    marks = frame[f"{METRICS['volume'].name_en} · {phrase('en', 'table_doubts')}"]
    assert [str(mark).startswith("only ") for mark in marks[:-1]] == [value in cut for value in kept.values]


def test_a_week_is_compared_with_one_of_as_many_days_only(bank):
    period, longer = Period(date(2026, 3, 30), date(2026, 4, 8)), Period(date(2026, 3, 2), date(2026, 3, 15))
    found = answer(bank, Question(("volume",), period, ("week",), compare=longer))
    whole, cut = found.cells
    assert (whole.partial, cut.partial) == (False, True)
    assert whole.previous is not None
    # Three days beside a week are no fall.
    assert (cut.previous, cut.change) == (None, None)
    same = answer(bank, Question(("volume",), period, ("week",), compare=Period(date(2026, 3, 2), date(2026, 3, 11))))
    assert [cell.previous is not None for cell in same.cells] == [True, True]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=5, max_size=5).filter(any))
def test_of_a_hundred_are_a_hundred(parts):
    kept, back, gave_up, _, lost = parts
    started, counts = sum(parts), (kept, kept + back, kept + back + gave_up, lost)
    made = chain(answered([rate(kpi, (), (count, started)) for kpi, count in zip(CHAIN_KPIS, counts, strict=True)]))
    assert made is not None
    text = said(journeys.settled(made, METRICS["settled_rate"], "", None, "en")).split("), ")[1]
    told = re.findall(r"[<>]?\d+", text)
    if not any(one[0] in "<>" for one in told):
        assert sum(map(int, told)) == 100
    assert (told[0] == "100") == (kept == started)
    assert (told[0] == "0") == (kept == 0)


def test_trap_of_a_hundred_nearly_all_are_not_all():
    assert in_hundred((39_071, 1, 0)) == (">99", "<1", "0")
    assert in_hundred((50, 30, 20)) == ("50", "30", "20")
    assert in_hundred((7, 0, 0)) == ("100", "0", "0")
