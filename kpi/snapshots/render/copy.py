"""``render``: the one way from a definition to a copy's files."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

from kpi.errors import FormatError, KpiError
from kpi.i18n import LANGUAGES
from kpi.snapshots.model import Definition, Format, Recipient, Rendered, Revision
from kpi.snapshots.render import data, document, page, workbook
from kpi.snapshots.render.manifest import MANIFEST, manifest
from kpi.snapshots.render.report import Asking, Report, Tell, ask, what_moved
from kpi.snapshots.render.words import title_of
from kpi.targets.resolution import NO_TARGETS, Targets
from kpi.warehouse import Warehouse

log = logging.getLogger("switchboard")

FORMS: dict[Format, Callable[[Report], bytes]] = {
    "xlsx": workbook.xlsx,
    "pdf": document.pdf,
    "html": page.html,
    "png": document.png,
    "csv": data.csv,
    "parquet": data.parquet,
}


def render(
    warehouse: Warehouse,
    definition: Definition,
    recipient: Recipient,
    due: date,
    *,
    targets: Targets = NO_TARGETS,
    version: int | None = None,
    tell: Tell = what_moved,
    revision: Revision | None = None,
) -> Rendered:
    """The copy of ``recipient`` of the run that is due on ``due`` (a business date), in the formats of the definition.
    A format or a chart that cannot be made is told (``Rendered.failed``) and leaves the others.

    Everything is asked of one published version, in one transaction: the newest, or ``version``. ``tell`` composes the
    sentences of what changed; ``revision`` says against which figures a run made again is held. Raises what
    ``kpi.query.answer`` raises, InputError for a definition that cannot be asked, WarehouseError for a version that is
    not kept, FormatError for a file that cannot be made.
    """
    with report_of(
        warehouse, definition, recipient, due, targets=targets, version=version, tell=tell, revision=revision
    ) as report:
        stem = stem_of(report)
        files = {f"{stem}.{form}": content for form, content in _made(report).items()}
        files[MANIFEST] = manifest(report, files)
        titles = {block.section.id: title_of(block, report.language) for block in report.blocks}
    return Rendered(
        files=files,
        figures=data.figures(report),
        empty=report.empty,
        holds=report.holds,
        version=report.published.version,
        as_of=report.whole.as_of,
        period=report.period,
        compared=report.whole.compared,
        rows={section: len(rows) for section, rows in data.rows(report).items()},
        names={**report.names, "section": titles},
        failed={what: {one: error.message(one) for one in LANGUAGES} for what, error in report.broken.items()},
    )


def _made(report: Report) -> dict[Format, bytes]:
    """Each format that can be made; one that cannot is kept in ``report.broken``, and leaves the others. Raises
    FormatError of the first where none can, whatever went wrong: nothing but the report goes into them.
    """
    made: dict[Format, bytes] = {}
    errors: list[FormatError] = []
    for form in report.definition.formats:
        try:
            made[form] = FORMS[form](report)
        except Exception as error:
            log.exception("%s of %s could not be made", form, report.definition.name)
            errors.append(FormatError(form, error))
            report.broken[form.upper()] = error if isinstance(error, KpiError) else errors[-1]
    if errors and not made:
        raise errors[0]
    return made


@contextmanager
def report_of(
    warehouse: Warehouse,
    definition: Definition,
    recipient: Recipient,
    due: date,
    *,
    targets: Targets = NO_TARGETS,
    version: int | None = None,
    tell: Tell = what_moved,
    revision: Revision | None = None,
) -> Iterator[Report]:
    """What ``render`` writes down, before it is written."""
    language = recipient.language or definition.language
    with warehouse.at(version) as past, past.read() as connection:
        published = past.require_data(connection)
        report = ask(Asking(connection, published, past.settings, targets, language), definition, recipient, due, tell)
        yield replace(report, revision=revision)


def stem_of(report: Report) -> str:
    """What the files are called before their ending: the snapshot's id, its period and language, and whether they are
    of an invented bank.
    """
    name = re.sub(r"[^\w-]+", "-", report.definition.name).strip("-") or "snapshot"
    period = report.period
    days = f"{period.start}" if period.days == 1 else f"{period.start}_{period.end}"
    return f"{name}_{days}_{report.language}" + ("_synthetic" if report.published.synthetic else "")
