"""What people of the centre write down: annotations of time axes and saved views, in a small database of its own.

Apart from the warehouse, whose facts are loaded and never edited. Knows neither Streamlit nor any figure.
"""

from kpi.state.annotations import KINDS, Annotation, Kind, Problem, problems_of
from kpi.state.database import StateDatabase
from kpi.state.views import LOCAL, SavedView

__all__ = ["KINDS", "LOCAL", "Annotation", "Kind", "Problem", "SavedView", "StateDatabase", "problems_of"]
