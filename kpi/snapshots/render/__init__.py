"""A snapshot rendered: answers of one published version as files, without a browser."""

from kpi.snapshots.render.copy import render, report_of
from kpi.snapshots.render.report import Asking, Tell, what_moved

__all__ = ["Asking", "Tell", "render", "report_of", "what_moved"]
