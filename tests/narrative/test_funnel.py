"""Cohorts that narrow: every step within the one before, and what is missing named to the last one."""

from itertools import pairwise

import pytest

from kpi.metrics.registry import METRICS
from kpi.narrative.funnel import CHAIN_KPIS, DAYS_KPIS, JOURNEY_KPIS, chain, journey, per_hundred
from kpi.narrative.journeys import fails_most, moved_most, referred, scenarios, settled
from kpi.query import Question
from kpi.query.answer import Answer, Cell
from tests.charts.test_charts import WEEK
from tests.narrative.test_headline import said


def rate(kpi, numerator, denominator, key=(), previous=None, certain=True):
    value = numerator / denominator if denominator else None
    change = None if value is None or previous is None else value - previous
    ends = (None, None) if change is None else (change - 0.001, change + 0.001) if certain else (-1, 1)
    return Cell(kpi, key, value, numerator, denominator, denominator, previous=previous, change=change,
                change_low=ends[0], change_high=ends[1])  # fmt: skip


def there(found):
    """What is not None."""
    assert found is not None
    return found


def answered(kpis, cells, by=()):
    return Answer(Question(kpis, WEEK, by, compare="previous"), 1, True, {}, WEEK, None, None, (), tuple(cells))


def chain_cells(key=(), previous=None):
    numbers = {"settled_rate": 690, "chain_resolved": 750, "chain_contained": 850, "chain_lost": 30}
    return [rate(kpi, numbers[kpi], 1000, key, previous) for kpi in CHAIN_KPIS]


def journey_cells(key=()):
    days = dict(zip(DAYS_KPIS, (6.0, 20.0, 10.0, 30.0), strict=True))
    return [
        rate("end_to_end", 30, 120, key, 0.2),
        rate("signed_rate", 30, 60, key, 0.5),
        *(Cell(kpi, key, value, None, 60, 60) for kpi, value in days.items()),
    ]


def test_the_chain_nests_and_its_losses_are_what_is_missing():
    steps = there(chain(answered(CHAIN_KPIS, chain_cells()))).steps
    assert [step.count for step in steps] == [1000, 850, 750, 690]
    assert [step.share for step in steps] == [1.0, 0.85, 0.75, 0.69]
    assert {loss.id: loss.count for step in steps for loss in step.losses} == {
        "answered": 120, "lost": 30, "given_up": 100, "back": 60,
    }  # fmt: skip
    for before, step in pairwise(steps):
        assert before.count == step.count + step.lost
    assert [loss.bad for loss in steps[1].losses] == [False, True]


def test_trap_an_empty_cohort_is_no_funnel():
    assert chain(answered(CHAIN_KPIS, [rate(kpi, 0, 0) for kpi in CHAIN_KPIS])) is None
    assert journey(answered(JOURNEY_KPIS, [rate(kpi, 0, 0) for kpi in JOURNEY_KPIS])) is None


def test_a_journeys_earlier_shares_follow_from_its_rates():
    _, visited, signed = there(journey(answered((*JOURNEY_KPIS, *DAYS_KPIS), journey_cells()))).steps
    assert (visited.count, visited.share, visited.previous) == (60, 0.5, 0.4)
    assert (signed.count, signed.share, signed.previous) == (30, 0.25, 0.2)
    assert (visited.lost, signed.lost) == (60, 30)
    assert (visited.days, signed.days) == ((6.0, 20.0), (10.0, 30.0))


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ((690, 60, 100, 120, 30), (69, 6, 10, 12, 3)),
        ((1, 1, 1), (34, 33, 33)),
        ((999, 1), (100, 0)),
        ((0, 0), (0, 0)),
        # 8.37, 7.19, 2.96, .13 and 81.35 %: the two that are missing go to .96 and .37
        ((3919, 3365, 1386, 60, 38070), (9, 7, 3, 0, 81)),
    ],
)
def test_parts_of_a_hundred_add_up(parts, told):
    assert per_hundred(parts) == told
    assert sum(told) in {0, 100}


def test_the_opening_says_where_a_hundred_sessions_went():
    whole = there(chain(answered(CHAIN_KPIS, chain_cells(previous=0.7))))
    sentence = settled(whole, METRICS["settled_rate"], "2 Mar – 8 Mar", "previous", "en")
    assert said(sentence).strip() == (
        "Of 100 self-service sessions (2 Mar – 8 Mar, all 7 days old), 69 were settled for good; 6 came back within a "
        "week, 10 gave up, 12 went to a human, 3 asked for one in vain. The rate (settled for good) is 69.0%, "
        "\u22121.0 pt on the previous period."
    )
    assert [span.tone for span in sentence if "pt" in span.text] == ["worse"]
    assert "69 次真正办结" in said(settled(whole, METRICS["settled_rate"], "03-02 至 03-08", None, "zh"))
    assert "较上期" not in said(settled(whole, METRICS["settled_rate"], "03-02 至 03-08", None, "zh"))


def test_what_moved_most_weighs_change_by_size_and_leaves_chance_out():
    metric = METRICS["settled_rate"]
    small = rate(metric.id, 40, 100, ("vip",), 0.6)
    large = rate(metric.id, 8000, 10_000, ("wechat",), 0.78)
    chance = rate(metric.id, 90_000, 100_000, ("sms",), 0.5, certain=False)
    names = {"wechat": "WeChat bank"}
    told = said(moved_most([small, large, chance], metric, names, "en"))
    assert told == "WeChat bank moved the whole most: settled for good +2.0 pt to 80.0%. "
    assert "随机波动" in said(moved_most([chance], metric, names, "zh"))
    assert moved_most([rate(metric.id, 1, 2, ("vip",))], metric, names, "en") == ()


def test_the_function_that_fails_most_is_named_with_its_change():
    metric = METRICS["function_failure"]
    cells = [rate(metric.id, 18, 100, ("limit",), 0.15), rate(metric.id, 5, 100, ("bill",))]
    told = said(fails_most(cells, cells[:1], metric, {"limit": "Payment limits"}, "en"))
    assert told.strip() == (
        "“Payment limits” is left unfinished most often: 18.0% of its starts, the most among 2 functions, a change of "
        "+3.0 pt."
    )
    assert fails_most(cells, [], metric, {}, "en") == ()


def test_the_opening_of_journeys():
    cohort = there(journey(answered((*JOURNEY_KPIS, *DAYS_KPIS), journey_cells())))
    metric = METRICS["end_to_end"]
    told = said(referred(cohort, metric, "26 Aug – 22 Sep", "previous", "en"))
    assert told.startswith(
        "Of 100 referrals (26 Aug – 22 Sep, all 60 days old), 25 were completed at a branch; 25 came"
    )
    assert "50 never came" in told
    amount = Cell("referred_amount", (), 60_000.0, 6_000_000, None, 2)
    assert said(scenarios({"投资转介": cohort}, metric, amount, "zh")) == (
        "全程转化：投资转介 25.0%。所选期间的转介至今成交 ¥6.00 万。"
    )
    assert scenarios({}, metric, amount, "zh") == ()
