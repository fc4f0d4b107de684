"""The dictionary: which declarations a search finds, and what of each is told."""

from collections.abc import Iterable

from kpi.i18n import Language, phrase
from kpi.metrics.desk import LIMITS, SERVICE_LEVELS, SHORT_FORMULAS
from kpi.metrics.dimensions import DIMENSIONS
from kpi.metrics.model import Metric
from kpi.metrics.registry import METRICS, SECTIONS
from kpi.metrics.sources import source_name

# Why there is no value, in the order in which a reader meets them.
REASONS = ("no_data", "zero_denominator", "not_recorded", "immature", "hidden")
# What holds for every KPI.
RULES = ("ratio", "absent", "like", "interval", "window", "small", "dates")


def section_name(section: str, language: Language) -> str:
    """The name of a group of KPIs."""
    return SECTIONS[section][0 if language == "zh" else 1]


def found(text: str, section: str) -> list[str]:
    """Ids of the KPIs of a section; of all of them that hold ``text`` in a name, the id or the formula, if there is
    one.
    """
    wanted = text.casefold().split()
    if not wanted:
        return [kpi for kpi, metric in METRICS.items() if metric.section == section]
    return [kpi for kpi, metric in METRICS.items() if all(word in _words(metric) for word in wanted)]


def _words(metric: Metric) -> str:
    formulas = [text for _, texts in metric.variants.values() for text in texts]
    return " ".join(
        (metric.id, metric.name_zh, metric.name_en, *metric.formula, *metric.exclusions, *formulas)
    ).casefold()


def entry(metric: Metric, language: Language) -> list[tuple[str, list[str]]]:
    """What the dictionary says of a KPI: (term, its paragraphs), from the declaration."""
    position = 0 if language == "zh" else 1
    formula = _service_levels(position) if metric.variants is SERVICE_LEVELS else [metric.formula[position]]
    rows = [(phrase(language, "define_formula"), formula)]
    if metric.exclusions[position]:
        rows.append((phrase(language, "define_exclusions"), [metric.exclusions[position]]))
    rows.append((phrase(language, "dictionary_unit"), [phrase(language, f"unit_name_{metric.unit}")]))
    rows.append((phrase(language, "define_direction"), [phrase(language, f"direction_{metric.direction}")]))
    rows.append((phrase(language, "dictionary_roll_up"), [phrase(language, f"roll_up_{metric.roll_up}")]))
    if metric.maturity is not None:
        told_days = phrase(language, "define_maturity_days", days=metric.maturity.days)
        rows.append((phrase(language, "define_maturity"), [told_days]))
    elif metric.look_back:
        rows.append((phrase(language, "define_maturity"), [phrase(language, "dictionary_look_back")]))
    rows.append((phrase(language, "dictionary_dimensions"), [dimensions(metric.dimensions, language)]))
    rows.append((phrase(language, "define_source"), [source_name(metric.source, language)]))
    return rows


def _service_levels(position: int) -> list[str]:
    """The five formulas, then what "in time" means in each."""
    colon = "：" if position == 0 else ": "
    return [*(f"{name}{colon}{texts[position]}" for name, (_, texts) in SHORT_FORMULAS.items()), LIMITS[position]]


def dimensions(ids: Iterable[str], language: Language) -> str:
    """Names of dimensions, listed."""
    return phrase(language, "say_and").join(DIMENSIONS[dimension].name(language) for dimension in ids)
