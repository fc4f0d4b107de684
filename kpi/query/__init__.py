"""Question in, answer out. There is no other way to a number."""

from kpi.query.answer import Answer, Cell
from kpi.query.answering import answer
from kpi.query.cell_rules import mature_part
from kpi.query.maturity import last_mature
from kpi.query.question import EVERYTHING, Filter, Period, Question, Scope
from kpi.query.rows import RowsPage, rows

__all__ = [
    "EVERYTHING",
    "Answer",
    "Cell",
    "Filter",
    "Period",
    "Question",
    "RowsPage",
    "Scope",
    "answer",
    "last_mature",
    "mature_part",
    "rows",
]
