"""What keeps a figure from being relied on: data still arriving, a part of a week or month, few that it stands on."""

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_period
from kpi.query.answer import Answer, Cell
from kpi.query.cell_rules import few
from kpi.query.question import Period


def cut_note(answer: Answer, language: Language) -> str:
    """Of figures by week or month: which of them are cut, by the days that there are; "" where none is."""
    days = sorted({cell.days for cell in answer.cells if cell.days is not None})
    if not days:
        return ""
    listed = phrase(language, "say_and").join(_days(one, language) for one in days)
    return phrase(language, "cut_chart", days=listed)


def _days(days: Period, language: Language) -> str:
    return format_period(days.start, days.end, language)


def caveats_of(cell: Cell, language: Language) -> list[str]:
    """Why the figure is not to be relied on, in words; nothing where it is."""
    return [
        *([phrase(language, "doubt_provisional")] if cell.provisional and cell.value is not None else []),
        *([phrase(language, "doubt_cut", days=_days(cell.days, language))] if cell.days is not None else []),
        *([phrase(language, "doubt_few")] if few(cell) else []),
    ]
