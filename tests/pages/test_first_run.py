"""The page of an empty home: the demo bank at a click; a file is kept for nobody else to read, and no longer than its
import takes.
"""

import re
import stat
import time

import pytest

from kpi.home import working_folder
from kpi.i18n import phrase
from kpi.jobs import Job
from kpi.query import Period, Question, answer
from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from pages.data import cache
from pages.views import first_run
from tests.code import PATIENCE
from tests.ingest import bank_log
from tests.pages.test_overview import html


@pytest.fixture
def give(tmp_path, open_page):
    """Give a file to the page; the home it is an empty page of."""

    def given(text):
        app = open_page(tmp_path / "home", lang="en")
        app.file_uploader("import_file").set_value(("calls.csv", text.encode(), "text/csv")).run()
        app.button("import").click().run()
        assert not app.exception
        return tmp_path / "home"

    return given


def _ended():
    """Wait for the import, and for what is done after it."""
    job, deadline = cache.first_job().job, time.monotonic() + PATIENCE
    assert job is not None
    while job.running:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return job


def _gone(home):
    deadline = time.monotonic() + PATIENCE
    while left := _uploads(home):
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def _uploads(home):
    return [place for folder in (home / "tmp").glob("upload_*") for place in folder.rglob("*.csv")]


class SmallBank(Job):
    """The job of the page, of the smallest bank that there is."""

    def __init__(self, module, arguments, *others):
        super().__init__(module, [*arguments, "--days", "35", "--interactions", "50", "--customers", "1000"], *others)


def test_the_demo_bank_is_made_at_a_click_and_then_the_overview_stands_there(tmp_path, open_page, monkeypatch):
    monkeypatch.setattr(first_run, "Job", SmallBank)
    home = tmp_path / "home"
    app = open_page(home, lang="en")
    assert app.title[0].value == phrase("en", "first_title")
    app.button("make_demo").click().run()
    assert not app.exception
    (bar,) = app.get("progress")
    assert bar.text
    # Whoever comes meanwhile watches the same job, and cannot begin another.
    assert not [button for button in open_page(home, lang="en").button if button.key == "make_demo"]
    job = _ended()
    assert not job.failed, job.complaint()
    assert stat.S_IMODE((home / "tmp" / "first_run.log").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "tmp").stat().st_mode) == 0o700
    told = [int(share) for share in re.findall(r"(\d+)% \S", (home / "tmp" / "first_run.log").read_text())]
    assert told == sorted(told)
    assert told[-1] == 100
    app.run()
    assert not app.exception
    assert app.title[0].value == phrase("en", "page_overview")
    assert any('class="kpi-value"' in body for body in html(app))


def test_trap_a_log_that_others_could_read_is_made_private(tmp_path):
    log = tmp_path / "home" / "tmp" / "first_run.log"
    log.parent.mkdir(parents=True)
    log.write_text("row 7: customer 6222001")
    log.chmod(0o644)
    Job("kpi", ["list"], working_folder(tmp_path / "home") / "first_run.log", {"KPI_HOME": str(tmp_path)})
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_an_upload_is_private_and_gone_after_its_import(give):
    home = give(bank_log.text())
    (upload,) = _uploads(home)
    assert stat.S_IMODE(upload.stat().st_mode) == 0o600
    assert not stat.S_IMODE(upload.parent.parent.stat().st_mode) & 0o077
    assert not _ended().failed
    _gone(home)
    warehouse = Warehouse.from_settings(load_settings())
    found = answer(warehouse, Question(("volume",), Period(*[warehouse.published().today] * 2)))
    warehouse.close()
    assert found.cell("volume").value == 28


def test_an_upload_that_is_refused_is_gone_too(give):
    home = give("this,is,no\ncall,log,at all\n")
    assert _ended().failed
    _gone(home)
