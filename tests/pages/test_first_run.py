"""What is given to the page of an empty home: kept for nobody else to read, and no longer than its import takes."""

import stat
import time

import pytest

from kpi.query import Period, Question, answer
from kpi.settings import load_settings
from kpi.warehouse import Warehouse
from pages import cache
from tests.ingest import bank_log


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
    job, deadline = cache.first_job().job, time.monotonic() + 60
    assert job is not None
    while job.running:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return job


def _gone(home):
    deadline = time.monotonic() + 10
    while left := _uploads(home):
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def _uploads(home):
    return [place for folder in (home / "tmp").glob("upload_*") for place in folder.rglob("*.csv")]


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
