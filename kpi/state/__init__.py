"""What people of the centre write down: annotations of time axes, saved views, targets and snapshots, in a small
database of its own.

Apart from the warehouse, whose facts are loaded and never edited. Knows neither Streamlit nor any figure.
"""

from kpi.state.annotations import KINDS, Annotation, Kind, problems_of
from kpi.state.database import StateDatabase
from kpi.state.editing import Problem
from kpi.state.targets import Target
from kpi.state.views import LOCAL, SavedView

__all__ = ["KINDS", "LOCAL", "Annotation", "Kind", "Problem", "SavedView", "StateDatabase", "Target", "problems_of"]
