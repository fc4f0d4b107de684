"""What the figures of self-service and of journeys draw."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest

from kpi.charts import PALETTES, Slots, Style, amounts, fates, funnel, nested, ranked, top
from kpi.charts.export import png
from kpi.charts.theme import spec_of
from kpi.metrics.registry import METRICS
from kpi.narrative.funnel import CHAIN_KPIS, DAYS_KPIS, JOURNEY_KPIS, chain, journey
from kpi.query.answer import Answer, Cell
from kpi.query.question import Period, Question
from kpi.query.target_value import Goal
from tests.charts.test_charts import STYLE, TODAY, layers_of
from tests.narrative.test_funnel import answered, chain_cells, journey_cells, rate, there

SETTLED, FAILURE = METRICS["settled_rate"], METRICS["function_failure"]


def a_chain(previous=None):
    return chain(answered(CHAIN_KPIS, chain_cells(previous=previous)))


def a_journey():
    return journey(answered((*JOURNEY_KPIS, *DAYS_KPIS), journey_cells()))


def texts(chart):
    """Layer by layer the rows of the texts."""
    return [data for mark, data, _ in layers_of(chart) if mark["type"] == "text"]


# --- the funnel ---


def test_bars_and_losses_lie_end_to_end():
    (_, bars, _), (_, losses, _), *_ = layers_of(funnel({"": a_chain()}, STYLE))
    assert [bar["share"] for bar in bars] == [1.0, 0.85, 0.75, 0.69]
    assert [bar["axis"] for bar in bars] == ["Started", "Without a human", "Resolved", "Not back in 7 days"]
    for before, step in pairwise(bars):
        pieces = [piece for piece in losses if piece["row"] == step["row"]]
        assert pieces[0]["from"] == step["share"]
        assert pieces[-1]["to"] == pytest.approx(before["share"])
    assert bars[1]["losses"] == "\u2212120 to a human · \u221230 lost waiting"
    assert bars[1]["second"] == "15.0% less"


def test_who_reached_a_human_is_not_painted_as_a_failure():
    losses = layers_of(funnel({"": a_chain()}, STYLE))[1][1]
    assert [piece["colour"] for piece in losses[:2]] == [STYLE.palette.border, STYLE.palette.worse_fill]


def test_the_comparison_is_a_tick_only_where_there_is_one():
    kinds = [mark["type"] for mark, _, _ in layers_of(funnel({"": a_chain()}, STYLE))]
    assert "tick" not in kinds
    ticks = next(data for mark, data, _ in layers_of(funnel({"": a_chain(0.7)}, STYLE)) if mark["type"] == "tick")
    assert [row["previous"] for row in ticks] == [None, 0.7, 0.7, 0.7]


def test_several_funnels_stand_below_each_other_each_from_its_own_whole():
    bars = layers_of(funnel({"Investment": a_journey(), "Campaign": a_journey()}, STYLE))[0][1]
    assert [bar["axis"] for bar in bars] == ["Investment", "Visited", "Completed", "Campaign", "Visited", "Completed"]
    assert [bar["share"] for bar in bars] == [1.0, 0.5, 0.25] * 2
    assert bars[0]["inside"] == "120 · Referred"
    assert bars[1]["losses"] == "\u221260 never came · median 6.00 days, P90 20.0 days"


def test_trap_a_handful_is_pale_and_its_words_are_ink():
    few = [rate(kpi, 5, 29) for kpi in CHAIN_KPIS]
    bars = layers_of(funnel({"": there(chain(answered(CHAIN_KPIS, few)))}, STYLE))[0][1]
    assert {bar["opacity"] for bar in bars} == {0.45}
    assert {bar["ink"] for bar in bars} == {STYLE.palette.ink}


# --- nested ---


def test_later_steps_lie_within_the_earlier_ones_and_are_not_stacked():
    chart = nested({"All": a_chain(0.7), "WeChat": a_chain()}, SETTLED, STYLE)
    (mark, pieces, encoding), (rule, line, _), *_ = layers_of(chart)
    assert (mark["type"], rule["type"]) == ("bar", "rule")
    assert encoding["x"]["stack"] is None
    assert [piece["share"] for piece in pieces] == [0.85, 0.75, 0.69] * 2
    assert line == [{"share": 0.69}]
    values, changes = texts(chart)
    assert [row["text"] for row in values] == ["69.0%", "69.0%"]
    assert [row["change"] for row in changes] == ["\u22121.0", "–"]
    assert changes[0]["tone"] == STYLE.palette.worse


# --- ranked ---


def test_a_rate_is_ranked_only_on_thirty_and_more():
    counted = {"few": (29, 29), "limit": (9, 30), "bill": (20, 50), None: (99, 100), "none": (0, 0)}
    cells = [rate(FAILURE.id, *numbers, (key,)) for key, numbers in counted.items()]
    assert [cell.key for cell in top(cells, "value", 10)] == [("bill",), ("limit",)]
    assert [cell.key for cell in top(cells, "numerator", 2)] == [("few",), ("bill",)]


def test_an_amount_is_ranked_whatever_its_n():
    cells = [
        Cell("referred_amount", (key,), value, value * 100, None, 3) for key, value in (("b1", 10.0), ("b2", 20.0))
    ]
    assert [cell.key for cell in top(cells, "value", 5)] == [("b2",), ("b1",)]


def test_bars_by_value_show_rate_change_and_count():
    cells = [
        replace(rate(FAILURE.id, 18, 100, ("limit",), 0.15), change_low=0.01, change_high=0.05),
        replace(rate(FAILURE.id, 10, 100, ("bill",), 0.12), change_low=-0.04, change_high=-0.01),
    ]
    chart = ranked(FAILURE, cells, {"limit": "Payment limits"}, STYLE)
    bars = layers_of(chart)[0][1]
    assert [(bar["name"], bar["bar"], bar["text"], bar["change"], bar["count"]) for bar in bars] == [
        ("Payment limits", 0.18, "18.0%", "+3.0", "18"),
        ("bill", 0.1, "10.0%", "\u22122.0", "10"),
    ]
    assert [bar["fill"] for bar in bars] == [STYLE.palette.worse_fill, STYLE.palette.better_fill]
    # A value stands clear of the tick that lies behind it.
    assert bars[1]["end"] == 0.12


def test_bars_of_amounts_are_grey_since_nobody_can_tell_their_changes_from_chance():
    amount = Cell("referred_amount", ("b1",), 20.0, 2000, None, 3, previous=10.0, change=10.0)
    (bar,) = layers_of(ranked(METRICS["referred_amount"], [amount], {}, STYLE))[0][1]
    assert (bar["change"], bar["tone"], bar["fill"]) == ("+100.0%", STYLE.palette.better, STYLE.palette.border)


def test_bars_by_count_name_the_share():
    cells = [rate("escalation_mix", 118, 436, ("identity",), 0.2), rate("escalation_mix", 96, 436, ("asked",))]
    chart = ranked(METRICS["escalation_mix"], cells, {"identity": "需要核验身份"}, Style("zh"), by="numerator")
    bars = layers_of(chart)[0][1]
    assert [(bar["bar"], bar["text"]) for bar in bars] == [(118, "118 · 27.1%"), (96, "96 · 22.0%")]
    assert bars[0]["change"] == "+7.1"


def test_without_a_comparison_there_is_no_column_of_changes():
    assert len(texts(ranked(FAILURE, [rate(FAILURE.id, 18, 100, ("limit",))], {}, STYLE))) == 2
    assert len(texts(ranked(FAILURE, [rate(FAILURE.id, 18, 100, ("limit",), 0.1)], {}, STYLE))) == 3


# --- stacked ---


def test_the_ends_of_sessions_fill_the_bar():
    kpis = ("bot_resolution_rate", "given_up_rate", "escalated_answered_rate", "escalated_lost_rate")
    cells = [
        rate(kpi, part, 100, (media,))
        for media in ("text", "voice")
        for kpi, part in zip(kpis, (80, 10, 8, 2), strict=True)
    ]
    chart = fates(answered(kpis, cells, ("media",)), {"text": "Text"}, {kpi: kpi for kpi in kpis}, STYLE)
    text = [bar for bar in layers_of(chart)[0][1] if bar["name"] == "Text"]
    assert [bar["from"] for bar in text] == pytest.approx([0, 0.8, 0.9, 0.98])
    assert [bar["to"] for bar in text] == pytest.approx([0.8, 0.9, 0.98, 1])
    assert text[0]["text"] == "80.0%"
    assert text[3]["text"] == ""


def the_amounts(goals: dict[int, Goal], factor: float = 1):
    """Large cash 3 million and campaigns 1 million a month, with targets of all by month."""
    period = Period(date(2026, 7, 1), TODAY)
    asked = Question(("referred_amount",), period, ("month", "scenario"))
    cells = [
        Cell("referred_amount", (date(2026, month, 1), scenario), value * factor, value * 100 * factor, None, 9)
        for month in (7, 8, 9, 10, 11)
        for scenario, value in (("large_cash", 3e6), ("campaign", 1e6))
    ]
    answer = Answer(asked, 1, True, {}, period, None, None, (), tuple(cells))
    months = [
        Cell("referred_amount", (date(2026, month, 1),), 4e6 * factor, 4e8 * factor, None, 18, goal=goals.get(month))
        for month in (7, 8, 9, 10, 11)
    ]
    totals = Answer(replace(asked, by=("month",)), 1, True, {}, period, None, None, (), tuple(months)).frame()
    names = {"large_cash": "Large cash", "campaign": "Campaign"}
    return amounts(answer, totals, "scenario", Slots(period, "month", TODAY), names, timedelta(days=60), STYLE)


def test_amounts_stack_by_month_and_young_months_are_pale():
    bars = layers_of(the_amounts({}))[0][1]
    july = [bar for bar in bars if int(bar["x"]) == 0]
    assert [(bar["y"], bar["y2"]) for bar in july] == [(0, 3), (3, 4)]
    # 31 August + 60 days is over on 22 November, 30 September + 60 days is not
    assert [bar["opacity"] for bar in bars if bar["name"] == "Campaign"] == [1.0, 1.0, 0.42, 0.42, 0.42]


def test_amounts_are_held_against_the_target_of_all():
    goals = {month: Goal(5e6, None, "", "") for month in (9, 10)}
    bars, rules = (rows for _, rows, _ in layers_of(the_amounts(goals))[:2])
    assert [(rule["x"], rule["x2"], rule["y"]) for rule in rules] == [(2, 4, 5.0)]
    told = [bar["target"] for bar in bars if bar["name"] == "Campaign"]
    assert told == ["–", "–", "≥¥5.00 M missed", "≥¥5.00 M missed", "–"]


def test_the_unit_of_amounts_is_that_of_the_highest_bar_or_target():
    # 400 thousand a month against a target of 1.2 million: the axis is in millions.
    bars, rules = (rows for _, rows, _ in layers_of(the_amounts({7: Goal(1.2e6, None, "", "")}, 0.1))[:2])
    assert rules[0]["y"] == 1.2
    assert bars[1]["y2"] == 0.4


def test_every_figure_is_a_picture():
    for mode in PALETTES:
        style = Style("zh", mode)
        for chart in (
            funnel({"": a_chain(0.7)}, style),
            nested({"全体": a_chain(0.7)}, SETTLED, style),
            ranked(FAILURE, [rate(FAILURE.id, 18, 100, ("limit",), 0.1)], {}, style),
        ):
            assert png(spec_of(chart), style).startswith(b"\x89PNG")
