"""The command line, ``python -m kpi``: the parser, and a module for each group of commands."""

from kpi.cli.parser import main

__all__ = ["main"]
