"""The manifest of a copy: what it was made from, so that it can be checked and made again."""

from collections.abc import Mapping

from kpi.metrics.registry import METRICS
from kpi.output import json_value
from kpi.query.question import Filter, Period
from kpi.snapshots.model import as_json, listed
from kpi.snapshots.render import data, words
from kpi.snapshots.render.report import Report

MANIFEST = "manifest.json"


def manifest(report: Report, files: Mapping[str, bytes]) -> bytes:
    """JSON: the files' hashes, the warehouse's version and feeds, the formulas' versions, filters, scope, zone, rows,
    the identity proof. Who gets it is told by name only: a target may be an address.
    """
    definition, scope, whole = report.definition, report.recipient.scope, report.whole
    rows = data.rows(report)
    content = {
        "snapshot": definition.name,
        "title": dict(zip(("zh", "en"), definition.title, strict=True)),
        "recipient": report.recipient.name,
        "language": report.language,
        "due": report.due.isoformat(),
        "period": _days(report.period),
        "compared": _days(whole.compared),
        "compare": definition.compare,
        "aligned_by": whole.aligned_by,
        "cuts": [{"feed": cut.source, "until": json_value(cut.moment)} for cut in whole.cuts],
        "time_zone": report.published.zone.key,
        "synthetic": report.published.synthetic,
        "empty": report.empty,
        "warehouse_version": report.published.version,
        "as_of": {source: json_value(moment) for source, moment in whole.as_of.items()},
        "service_level": report.service_level,
        "filters": _filters(definition.filters),
        "scope": {
            "filters": _filters(scope.filters),
            "see_interactions": scope.see_interactions,
            "see_agents": scope.see_agents,
        },
        "kpis": {kpi: {"formula_version": METRICS[kpi].version} for kpi in report.kpis},
        "mature": {kpi: _days(answer.period) for kpi, answer in report.mature.items()},
        "rows": {section: len(found) for section, found in rows.items()},
        "sorted_by": data.sorted_by(report),
        "proof": {
            "holds": report.holds,
            "checks": [
                {"id": check.id, "holds": check.holds, "total": check.total, "terms": dict(sorted(check.terms))}
                for check in report.checks
            ],
        },
        "text": {
            "title": report.title,
            "head": [*words.head(report), *words.failures(report)],
            "revision": words.revision(report),
            "figures": words.lines(report),
            "changed": ["".join(span.text for span in sentence) for sentence in report.sentences],
        },
        "failed": list(report.broken),
        "files": listed(files),
    }
    return as_json(content)


def _days(period: Period | None) -> dict[str, str] | None:
    return None if period is None else {"from": period.start.isoformat(), "to": period.end.isoformat()}


def _filters(filters: tuple[Filter, ...]) -> list[dict[str, object]]:
    return [{"dimension": one.dimension, "values": list(one.values)} for one in filters]
