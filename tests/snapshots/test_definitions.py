"""Definitions: kept, edited, written as a file and read back, with everything that is wrong named."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kpi.errors import BadRows, FileError, StaleEdit, UnknownName
from kpi.query.question import Filter, Period, Scope
from kpi.settings import Settings, load_settings
from kpi.snapshots import definition_store
from kpi.snapshots.definition_file import READY, dump, load
from kpi.snapshots.model import Definition, Recipient, RelativePeriod, Schedule, Section, period_of
from kpi.snapshots.serialization import as_plain, of_plain
from kpi.state import StateDatabase

WEEKLY = Definition(
    "weekly",
    ("周报", "Weekly"),
    (
        Section("headline", "headline", ("volume", "csat")),
        Section("channels", "chart", ("volume",), ("channel",), ("渠道", "")),
    ),
    "last_week",
    compare=None,
    filters=(Filter("tier", ("6", "7", "")),),
    language="en",
    formats=("csv",),
    recipients=(
        Recipient("head", "file:///srv/reports"),
        Recipient("tail team", "mailto:t@bank.example", Scope((Filter("segment", ("tail",)),), False, False), "zh"),
    ),
    schedule=Schedule("0 8 * * 1", "Europe/Berlin", "working", True, ("hotline",), 60, "skip"),
    empty="hold",
    owner="mailto:o@bank.example",
    paused=True,
    time_limit_seconds=60,
    service_level="SL2",
)
PLAIN = Definition("plain", ("", "Plain"), (Section("a", "table", ("volume",), ("channel",)),), "yesterday")


@pytest.fixture
def state(settings: Settings) -> Iterator[StateDatabase]:
    opened = StateDatabase(settings)
    yield opened
    opened.close()


@pytest.mark.parametrize("definition", [WEEKLY, PLAIN])
def test_a_definition_comes_back_as_it_was(definition: Definition) -> None:
    assert of_plain(as_plain(definition)) == (definition, [])
    assert definition_store.of_text(definition_store.as_text(definition)) == definition
    for language in ("zh", "en"):
        assert load(dump([definition], language)) == [definition]


def test_what_comes_with_the_program_is_valid() -> None:
    ready = load(READY.read_text("utf-8"))
    assert [one.name for one in ready] == ["daily", "weekly", "long-tail", "satisfaction"]
    assert load(dump(ready, "en")) == ready
    assert all(all(one.title) and one.schedule for one in ready)


def test_a_file_is_the_whole_list(state: StateDatabase) -> None:
    assert vars(definition_store.apply(state, [WEEKLY, PLAIN], "ann")) == {
        "added": 2,
        "changed": 0,
        "removed": 0,
        "unchanged": 0,
    }
    assert [one.definition for one in definition_store.definitions(state)] == [PLAIN, WEEKLY]
    before = definition_store.definition(state, "weekly")
    later = replace(WEEKLY, empty="skip")
    assert vars(definition_store.apply(state, [later], "ben")) == {
        "added": 0,
        "changed": 1,
        "removed": 1,
        "unchanged": 0,
    }
    after = definition_store.definition(state, "weekly")
    assert (after.definition, after.author, after.seen_until) == (later, "ben", before.seen_until)
    with pytest.raises(UnknownName, match="Valid: weekly"):
        definition_store.definition(state, "plain")


def test_pausing_is_an_edit_and_a_stale_one_is_refused(state: StateDatabase) -> None:
    definition_store.apply(state, [PLAIN], "ann")
    read = definition_store.definitions(state)
    definition_store.pause(state, "plain", True, "ben")
    assert definition_store.definition(state, "plain").definition.paused
    with pytest.raises(StaleEdit, match="plain"):
        definition_store.save(state, read, [replace(read[0], definition=replace(PLAIN, empty="hold"))], "ann")
    definition_store.pause(state, "plain", False, "ben")
    assert definition_store.definition(state, "plain").definition == PLAIN


FILE = dump([PLAIN, WEEKLY], "en")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"volume"', '"volum"', "Did you mean “volume”?"),
        ('"channel"', '"chanel"', "Did you mean “channel”?"),
        ('name = "plain"', 'name = "Plain!"', "the name “Plain!” cannot be"),
        ('name = "plain"', 'nme = "plain"', "There is no field “nme”"),
        ('name = "plain"', 'name = "weekly"', "the name “weekly” is there twice"),
        ('period = "yesterday"', 'period = "yesterdy"', "Did you mean “yesterday”?"),
        ('paused = false', 'paused = "no"', "paused takes true or false"),
        ('"渠道"', '"渠\\u0007道"', "a control character"),
        ('"周报"', '"' + "长" * 201 + '"', "200 are the most"),
        ("time_limit_seconds = 300", "time_limit_seconds = 3", "10 to 3600 seconds"),
        ("time_limit_seconds = 300", "time_limit_seconds = true", "takes a whole number"),
        ('empty = "send"', 'empty = "never"', "Valid: send, skip, hold"),
        ('language = "zh"', 'language = "fr"', "Valid: zh, en"),
        ("0 8 * * 1", "0 8 * *", "five fields"),
        ("Europe/Berlin", "Berlin", "IANA"),
        ("file:///srv", "s3://u:secret@host", "holds a password"),
        ("file:///srv", "fiel:///srv", "begins with one of file:"),
        ("file:///srv/reports", "https://host:80a/hook", "a port is a number"),
        ("file:///srv/reports", "https://host/hook#timeout=soon", "timeout=soon cannot be"),
        ("file:///srv/reports", "https://hooks.slack.com/services/T1/B1/secret", "chat:NAME"),
        ("file:///srv/reports", "https://host/hook?token=secret", "chat:NAME"),
        ("mailto:o@bank.example", "mailto:o@evil.example,o@bank.example", "one plain address"),
        ('"hotline"', '"hotlin"', "Did you mean “hotline”?"),
        ('"tail"', '"tale"', "Did you mean “tail”?"),
        ('name = "head"', 'name = "../head"', "the recipient's name"),
        ("deadline_minutes = 60", "deadline_minutes = -1", "deadline_minutes takes"),
    ],
)  # fmt: skip
def test_a_bad_file_names_the_entry_and_what_would_do(old: str, new: str, said: str) -> None:
    assert old in FILE
    with pytest.raises(BadRows) as caught:
        load(FILE.replace(old, new, 1), ["hotline", "wechat"])
    told = caught.value.message("en")
    assert said in told
    assert "=secret" not in told
    assert "/secret" not in told
    assert ":secret" not in told
    assert "Entry 1 (line 3)" in told or "Entry 2 (line " in told
    assert "未作任何更改" in caught.value.message("zh")


def test_what_could_not_be_delivered_on_the_day_is_told_now(home: Path) -> None:
    def said(definition: Definition, **env: str) -> str:
        try:
            load(dump([definition], "en"), settings=load_settings({"KPI_HOME": str(home)} | env))
        except BadRows as error:
            return error.message("en")
        return ""

    bank, folder = {"KPI_DELIVER_TO": "bank.example"}, {"KPI_DELIVER_TO": "bank.example,/srv"}
    assert said(WEEKLY, **folder) == ""
    assert "“head” cannot be: Nothing may be put into the folder /srv/reports" in said(WEEKLY, **bank)
    alone = replace(WEEKLY, owner="")
    assert "there is no owner" in said(alone, **folder)
    assert said(alone, **folder, KPI_SNAPSHOT_OWNER="mailto:desk@bank.example") == ""
    assert "“KPI_SNAPSHOT_OWNER” cannot be" in said(alone, **folder, KPI_SNAPSHOT_OWNER="mailto:desk@evil.example")
    assert said(replace(alone, schedule=None), **folder) == ""
    assert said(PLAIN) == ""


@pytest.mark.parametrize("text", ["[[snapshot]", "snapshot = 3", "[snapshot]\nname = 'a'"])
def test_a_file_that_is_none_is_told(text: str) -> None:
    with pytest.raises(FileError):
        load(text)


def test_a_kpi_without_the_filters_dimension_is_told() -> None:
    bad = replace(PLAIN, filters=(Filter("scenario", ("x",)),))
    with pytest.raises(BadRows, match="has no dimension “scenario”"):
        load(dump([bad], "en"))


@pytest.mark.parametrize(
    ("relative", "due", "first", "last"),
    [
        ("last_90_days", date(2026, 11, 23), date(2026, 8, 25), date(2026, 11, 22)),
        ("quarter_to_date", date(2026, 11, 23), date(2026, 10, 1), date(2026, 11, 22)),
        ("quarter_to_date", date(2026, 10, 1), date(2026, 7, 1), date(2026, 9, 30)),
        ("year_to_date", date(2026, 11, 23), date(2026, 1, 1), date(2026, 11, 22)),
        ("year_to_date", date(2026, 1, 1), date(2025, 1, 1), date(2025, 12, 31)),
    ],
)
def test_what_goes_to_date_ends_on_the_day_before(relative: RelativePeriod, due: date, first: date, last: date) -> None:
    assert period_of(relative, due) == Period(first, last)
