"""Why a figure changed: the parts add up, the cause is named, chance is not, and nobody sees what he may not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from kpi.drivers.analysis import explain, three, why
from kpi.drivers.finding import Why, leading
from kpi.drivers.parallel import Reader
from kpi.drivers.search import HIDDEN
from kpi.errors import NotApplicable, UnknownName
from kpi.metrics.registry import METRICS
from kpi.narrative.driver_sentences import sentences, text_of
from kpi.narrative.waterfall_steps import steps
from kpi.query import Filter, Period, Question, Scope, answer
from kpi.tables import of_decomposition
from kpi.warehouse import Warehouse
from tests.world import World, make

DAY = Period(date(2026, 3, 3), date(2026, 3, 3))  # compared with the second
BEFORE, NOW = "2026-03-02 10:00", "2026-03-03 10:00"


def published(tmp_path_factory: pytest.TempPathFactory, world: World) -> Warehouse:
    warehouse = make(tmp_path_factory.mktemp("why"), "duckdb")
    world.contact("self", "2026-02-20 10:00", topic="card")
    world.publish(warehouse, "2026-04-01 00:00")
    return warehouse


def add(world: World, when: str, times: int, kind: str, topic: str = "card", **facts: Any) -> None:
    for _ in range(times):
        world.contact(kind, when, topic=topic, **facts)


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """More by phone: WeChat 300 settled and 20 handed over -> 250 and 20, phone 100 -> 200, SMS only now, 40 settled.
    Customers 1 and 2 -> 2 and 3; 5★ asked ten times, all content -> none.
    """
    world = World()
    world.topic("card")
    for key in (1, 2, 3):
        world.customer(key, tier=5)
    for when, settled, calls, sms in ((BEFORE, 300, 100, 0), (NOW, 250, 200, 40)):
        add(world, when, settled, "self")
        add(world, when, 20, "escalated")
        add(world, when, calls - 10, "call")
        add(world, when, sms, "self", channel="sms")
        asked: dict[str, Any] = {"csat_asked": True, "csat_score": 5 if when == BEFORE else 1}
        add(world, when, 8, "call", customer_key=2, **asked)
        add(world, when, 2, "call", customer_key=1 if when == BEFORE else 3, **asked)
    warehouse = published(tmp_path_factory, world)
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="module")
def paradox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Content in chat 380/400 -> 194/200, by phone 60/100 -> 272/400: both rise, the whole falls. On the VIP
    line, where nobody is asked, contacts about cards 100 -> 105 and loans 100 -> 98.
    """
    world = World()
    world.topic("card", "loan")
    for when, chats, calls in ((BEFORE, (380, 20), (60, 40)), (NOW, (194, 6), (272, 128))):
        for kind, numbers in (("chat", chats), ("call", calls)):
            for score, times in zip((5, 2), numbers, strict=True):
                add(world, when, times, kind, csat_asked=True, csat_score=score)
        add(world, when, 100 if when == BEFORE else 105, "vip", "card")
        add(world, when, 100 if when == BEFORE else 98, "vip", "loan")
    warehouse = published(tmp_path_factory, world)
    yield warehouse
    warehouse.close()


def ask(warehouse: Warehouse, kpi: str, *by: str, compare: Any = "previous", **more: Any) -> Why:
    (found,) = why(warehouse, Question((kpi,), DAY, by=by, compare=compare, **more))
    return found


def test_mix_and_rate_by_hand(shifted: Warehouse) -> None:
    found = ask(shifted, "self_service_rate", "channel")
    before, now = Fraction(300, 420), Fraction(290, 510)
    assert found.change == now - before
    assert found.asked is not None
    assert found.asked.change == found.change == sum((one.total for one in found.asked.effects), Fraction(0))
    wechat = found.asked.effect(("wechat",))
    mean = (Fraction(300, 320) + Fraction(250, 270)) / 2
    moved = Fraction(270, 510) - Fraction(320, 420)
    assert wechat.mix == moved * (mean - (before + now) / 2)
    assert wechat.rate == (Fraction(320, 420) + Fraction(270, 510)) / 2 * (Fraction(250, 270) - Fraction(300, 320))
    sms = found.asked.effect(("sms",))
    assert (sms.only, sms.rate, sms.now.numerator) == ("now", 0, 40)


def test_by_two_dimensions_it_adds_up_to_the_same(shifted: Warehouse) -> None:
    found = ask(shifted, "self_service_rate", "channel", "tier")
    assert found.asked is not None
    assert found.asked.by == ("channel", "tier")
    assert found.asked.mix + found.asked.rate == found.change == ask(shifted, "self_service_rate").change
    for one in found.decompositions:
        assert one.mix + one.rate == found.change


def test_what_moved_it_is_named_with_its_filter_and_the_rows_agree(shifted: Warehouse) -> None:
    found = ask(shifted, "self_service_rate")
    first = found.findings[0]
    assert (first.kind, first.points < 0) == ("mix", True)
    assert first.filters[0] == Filter(first.dimension, (str(first.value),))
    view = Question(("self_service_rate",), DAY, filters=first.filters[:1], compare="previous")
    cell = answer(shifted, view).cell("self_service_rate")
    assert cell.before is not None
    assert (cell.before.n, cell.n) == (first.n_before, first.n_now)


def test_the_sentence_tells_the_figures_of_the_query(shifted: Warehouse) -> None:
    found = ask(shifted, "self_service_rate")
    told = text_of(sentences(found, {"channel": {"hotline": "Phone"}}, "en")[0])
    # 290/510 = 56.9 %, 300/420 = 71.4 %.
    assert told.startswith("self-service rate 56.9%, −14.6 pt on the previous period: −")
    numbers = [float(word.replace("−", "-")) for word in told.split() if word[0] in "+−" and word[1].isdigit()]
    assert sum(numbers[1:]) == pytest.approx(numbers[0])


def test_the_steps_of_a_waterfall_meet_and_end_at_the_value(shifted: Warehouse) -> None:
    found = ask(shifted, "self_service_rate", "channel")
    assert found.asked is not None
    made = steps(found, found.asked, most=1)
    assert [step.kind for step in made] == ["before", "mix", "cell", "now"]
    assert float(made[0].end) == pytest.approx(300 / 420)
    assert float(made[-1].end) == pytest.approx(290 / 510)
    for one, following in pairwise(made):
        assert following.start == one.end
    assert float(sum(step.told for step in made)) == pytest.approx(-0.146)


def test_a_rate_on_fewer_than_thirty_is_shown_and_ranks_nowhere(shifted: Warehouse) -> None:
    found = ask(shifted, "csat", "tier")
    assert found.asked is not None
    assert found.asked.effect((5,)).total == -1
    assert not [one for one in found.findings if one.dimension == "tier"]
    # In the waterfall it is one of the others; in the table the note says so, and that SMS is there only now.
    assert [(step.kind, step.count, step.told) for step in steps(found, found.asked)][1:-1] == [("others", 1, -1)]
    assert set(of_decomposition(found, found.asked, {}, "en")["Note"]) == {"n < 30, not ranked"}
    channels = ask(shifted, "self_service_rate", "channel").asked
    assert channels is not None
    notes = of_decomposition(ask(shifted, "self_service_rate"), channels, {}, "en").set_index("Channel")["Note"]
    assert notes.to_dict() == {"hotline": "", "wechat": "", "sms": "only now, n < 30, not ranked"}


def test_customers_are_counted_once_and_never_parted(shifted: Warehouse) -> None:
    found = ask(shifted, "customers_served", "channel")
    assert found.turnover is not None
    assert vars(found.turnover) == {"new": 1, "lost": 1, "kept": 1}
    assert found.asked is None
    assert not found.decompositions
    assert found.findings[0].kind == "customers"
    assert ask(shifted, "customers_served", scope=Scope(see_interactions=False)).turnover is None


def test_the_two_sides_of_a_quotient_add_up(shifted: Warehouse) -> None:
    (found,) = why(shifted, Question(("contacts_per_customer",), Period(DAY.start, DAY.end), compare="previous"))
    assert found.sides is not None
    assert sum(found.sides) == found.change


@pytest.mark.parametrize(
    ("kpi", "compare", "reason"),
    [
        ("volume", None, "no_comparison"),
        ("volume", "year", "not_covered"),
        ("wait_p90", "previous", "no_parts"),
        ("tail_base", "previous", "no_parts"),
        ("nps", "previous", "no_value"),
    ],
)
def test_why_there_is_no_finding(shifted: Warehouse, kpi: str, compare: Any, reason: str) -> None:
    found = ask(shifted, kpi, compare=compare)
    assert (found.reason, found.findings) == (reason, ())
    for language in ("zh", "en"):
        assert text_of(sentences(found, {}, language)[0])  # type: ignore[arg-type]


def test_a_paradox_is_found_and_said(paradox: Warehouse) -> None:
    found = ask(paradox, "csat")
    first = found.findings[0]
    assert (first.kind, first.dimension) == ("simpson", "channel")
    told = text_of(sentences(found, {"channel": {"hotline": "Phone", "chat": "Chat"}}, "en")[0])
    assert "every channel rose, yet the whole fell" in told
    assert "the share of Phone grew from 20.0% to 66.7%" in told or "the share of Chat shrank" in told
    assert "各渠道都上升，整体却下降" in text_of(sentences(found, {}, "zh")[0])


def test_the_topic_is_named_and_not_its_business_line(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Fees 100 -> 195; cards, of the same business line, 100 -> 105, loans 100 -> 98, shares 100 -> 102."""
    world = World()
    world.topic("card", "fees", line="account")
    world.topic("loan", line="financing")
    world.topic("shares", line="investment")
    for when, numbers in ((BEFORE, (100, 100, 100, 100)), (NOW, (195, 105, 98, 102))):
        for topic, times in zip(("fees", "card", "loan", "shares"), numbers, strict=True):
            # Of every topic alike by two channels.
            add(world, when, times // 2, "self", topic)
            add(world, when, times - times // 2, "call", topic)
    warehouse = published(tmp_path_factory, world)
    found = ask(warehouse, "volume")
    (fees,) = found.findings
    assert (fees.kind, fees.dimension, fees.value) == ("count", "topic", "fees")
    assert (fees.before, fees.now, fees.points) == (100, 195, 95)
    told = text_of(sentences(found, {"topic": {"fees": "Fees"}}, "en")[0])
    assert told == "interactions 500, +25.0% (+100) on the previous period: +95 from “Fees”, +5 from everything else."
    warehouse.close()


def test_a_longer_period_is_no_cause_by_itself(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two days against one, each topic as many a day as before but for fees: 100 -> 2 × 195."""
    world = World()
    world.topic("card", "loan", "fees")
    for when, asked in ((BEFORE, 100), (NOW, 195), ("2026-03-04 10:00", 195)):
        for topic, times in (("card", 200), ("loan", 100), ("fees", asked)):
            add(world, when, times // 2, "self", topic)
            add(world, when, times - times // 2, "call", topic)
    warehouse = published(tmp_path_factory, world)
    two, before = Period(DAY.start, date(2026, 3, 4)), Period(date(2026, 3, 2), date(2026, 3, 2))
    (found,) = why(warehouse, Question(("volume",), two, compare=before))
    (fees,) = found.findings
    assert (fees.dimension, fees.value, fees.points) == ("topic", "fees", 290)
    # 400 -> 990, of which 290 is fees; 495 a day against 400 is +23.75 %.
    assert text_of(sentences(found, {"topic": {"fees": "Fees"}}, "en")[0]) == (
        "interactions 990, +147.5% (+590) on 2 Mar 2026 (days: 2 against 1; 495 a day, +23.8%): "
        "+290 from “Fees”, +300 from everything else."
    )
    warehouse.close()


def test_noise_is_not_told_as_a_cause(paradox: Warehouse) -> None:
    found = ask(paradox, "volume", filters=(Filter("channel", ("vip",)),))
    assert (found.reason, found.findings) == ("noise", ())
    assert found.tested > 0
    assert "nothing distinguishable from noise" in text_of(sentences(found, {}, "en")[0])


def test_three_findings_lead_and_only_beyond_chance(paradox: Warehouse) -> None:
    told = three(paradox, [Question(("csat", "volume", "service_level"), DAY, compare="previous")])
    assert 1 <= len(told) <= 3
    assert all(found.beyond_chance for found, _ in told)
    sizes = [found.size for found in dict.fromkeys(found for found, _ in told)]
    assert sizes == sorted(sizes, reverse=True)
    assert leading([]) == []


def test_what_a_page_has_answered_already_is_not_asked_again(paradox: Warehouse) -> None:
    asked = Question(("csat", "volume"), DAY, compare="previous")
    known = answer(paradox, replace(asked, kpis=("volume", "asa")))
    with Reader.of(paradox) as reader:
        alone = explain(reader, [asked])
        assert explain(reader, [asked], known=[known]) == alone
        # Of other days, filters or versions it says nothing about this question.
        for other in (
            answer(paradox, replace(asked, kpis=("volume",), compare="year")),
            answer(paradox, replace(asked, kpis=("volume",), filters=(Filter("channel", ("hotline",)),))),
            replace(known, version=known.version - 1, cells=()),
        ):
            assert explain(reader, [asked], known=[other]) == alone


def test_names_are_checked_as_in_every_question(shifted: Warehouse) -> None:
    with pytest.raises(UnknownName):
        ask(shifted, "volume", filters=(Filter("channel", ("nowhere",)),))
    with pytest.raises(NotApplicable):
        ask(shifted, "volume", "branch")


def test_every_kpi_can_be_asked(shifted: Warehouse) -> None:
    for found in why(shifted, Question(tuple(METRICS), DAY, compare="previous")):
        assert found.findings or found.reason, found.kpi
        for one in found.decompositions:
            assert sum((effect.total for effect in one.effects), Fraction(0)) == one.change, found.kpi
        for language in ("zh", "en"):
            assert all(text_of(sentence) for sentence in sentences(found, {}, language))  # type: ignore[arg-type]


def test_cells_that_may_not_be_seen_are_one_remainder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """3★ and 4★ are a few customers each; 1★ and 2★ many."""
    world = World()
    world.topic("card")
    key = 0
    for tier, before, now in ((1, 40, 60), (2, 50, 45), (3, 4, 2), (4, 3, 8)):
        for number in range(max(before, now)):
            key += 1
            world.customer(key, tier)
            for when, there in ((BEFORE, number < before), (NOW, number < now)):
                if there:
                    world.contact("call" if number % 3 else "abandoned", when, customer_key=key, topic="card")
    warehouse = published(tmp_path_factory, world)
    found = ask(warehouse, "answer_rate", "tier", scope=Scope(see_interactions=False))
    assert found.asked is not None
    assert {effect.key[0] for effect in found.asked.effects} == {1, 2, HIDDEN}
    assert found.asked.mix + found.asked.rate == found.change
    rest = found.asked.effect((HIDDEN,))
    assert (rest.before.n, rest.now.n) == (7, 10)
    assert not [one for one in found.findings if one.value == HIDDEN]
    warehouse.close()
