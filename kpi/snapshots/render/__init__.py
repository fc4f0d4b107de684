"""A snapshot rendered: answers of one published version as files, without a browser."""

from kpi.snapshots.render.asking import Asking, Tell, what_moved
from kpi.snapshots.render.copy import render, report_of

__all__ = ["Asking", "Tell", "render", "report_of", "what_moved"]
