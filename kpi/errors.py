"""Everything that can go wrong and that a person can mend, as one tree.

An error holds the key of a phrase (``kpi/i18n/errors.toml``) and its values, so that it can be said in the
language of whoever reads it: ``error.message("zh")``. It names the thing, the valid choices and what to do::

    KpiError                        exit code 1: something is wrong with what there is
    ├── InputError                  exit code 2: something is wrong with what was asked or given
    │   ├── SettingError            of the environment or settings.toml
    │   ├── UnknownName             a KPI, a dimension, a value, a column … that is none
    │   ├── NotApplicable           a dimension that a KPI does not have
    │   ├── PeriodError             dates
    │   ├── MixedData               synthetic data beside a bank's own
    │   ├── MappingError, FileError of an import; BadRows: what it rejected
    │   ├── ScheduleError           of a snapshot
    │   └── StaleEdit               somebody else has changed it meanwhile
    ├── DeclarationError            a KPI that is declared wrongly: the program does not start
    ├── WarehouseError              it cannot be opened, read or written
    │   └── WarehouseBusy, WarehouseDamaged, WarehouseEmpty, LoadError
    ├── StateError                  so of the state database
    │   └── StateNotWritable
    ├── FormatError, DrawingError   a file or a picture that cannot be made
    ├── RunError                    a run of a snapshot that cannot be what is asked for
    └── DeliveryError               a copy that could not be handed over
        └── DeliveryRefused, DeliveryUnconfirmed
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar, Protocol

from kpi.i18n import Language, phrase
from kpi.plain_text import clean, clean_lines


class KpiError(Exception):
    """Base of all errors that are told to a person. ``exit_code`` is what ``python -m kpi`` ends with."""

    exit_code: ClassVar[int] = 1

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        self.values = values
        super().__init__(self.message("en"))

    def message(self, language: Language) -> str:
        """In words; a value may be an error, which is said in the same language. What is quoted is plain text."""
        said = {name: one.message(language) if isinstance(one, KpiError) else one for name, one in self.values.items()}
        return clean_lines(phrase(language, self.key, **said))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.key, self.values)


def _rebuild(kind: type[KpiError], key: str, values: dict[str, object]) -> KpiError:
    """Remake an error in another process (exceptions with keyword arguments do not pickle by themselves)."""
    error = kind.__new__(kind)
    KpiError.__init__(error, key, **values)
    return error


class InputError(KpiError):
    """What was asked for, or given, is not acceptable; asking otherwise helps."""

    exit_code = 2


class SettingError(InputError):
    """A setting has a value that it cannot have."""


class UnknownName(InputError):
    """A KPI, dimension, value, table or other name that does not exist. Says the valid ones and the nearest."""

    def __init__(self, kind: str, name: str, valid: Iterable[str]) -> None:
        """``kind`` is the key of a phrase ``kind_…``: kpi, dimension, value, table, setting, page, engine."""
        self.kind, self.name, self.valid = kind, name, tuple(valid)
        near = difflib.get_close_matches(name, self.valid, n=1, cutoff=0.5)
        self.suggestion: str | None = near[0] if near else None
        super().__init__("unknown_name", kind=kind, name=name, valid=self.valid)

    def message(self, language: Language) -> str:
        shown = ", ".join(clean(one) for one in self.valid[:80]) or "–"
        said = phrase(
            language,
            "unknown_name",
            kind=phrase(language, f"kind_{self.kind}"),
            name=clean(self.name, 100),
            valid=shown,
        )
        if self.suggestion is not None:
            said += phrase(language, "did_you_mean", suggestion=clean(self.suggestion))
        return said

    def __reduce__(self) -> tuple[object, ...]:
        return UnknownName, (self.kind, self.name, self.valid)


class NotApplicable(InputError):
    """A dimension that the KPI does not have; names those that it has."""


class PeriodError(InputError):
    """Dates that make no period."""


class DeclarationError(KpiError):
    """A KPI, dimension or roll-up is declared wrongly. Raised when the program starts, never later."""


class WarehouseError(KpiError):
    """The warehouse cannot do what was asked: it is missing, empty, busy or damaged."""


class WarehouseBusy(WarehouseError):
    """Another process is loading; a load waits for it only so long."""


class WarehouseDamaged(WarehouseError):
    """A file of the warehouse is cut off, overwritten, missing among others, or another's: only a backup mends it."""


class WarehouseEmpty(WarehouseError):
    """There is a warehouse, but no interaction in it."""


class MixedData(InputError):
    """Synthetic and real data would be mixed."""


class MappingError(InputError):
    """A mapping file cannot be used; names the place in it."""


class FileError(InputError):
    """A source file cannot be read as what it should be. Nothing was loaded."""


class _Told(Protocol):
    def message(self, language: Language) -> str: ...


class BadRows(InputError):
    """Entries of a file that people write cannot be used: says of each what is wrong. Nothing was changed."""

    def __init__(self, problems: tuple[_Told, ...]) -> None:
        super().__init__("bad_rows", problems=problems)

    def message(self, language: Language) -> str:
        problems = self.values["problems"]
        assert isinstance(problems, tuple)
        told = "\n".join(problem.message(language) for problem in problems)
        return clean_lines(phrase(language, "bad_rows", problems=told))

    def __reduce__(self) -> tuple[object, ...]:
        return BadRows, (self.values["problems"],)


class LoadError(WarehouseError):
    """Staged data breaks a rule of the warehouse. Nothing was loaded."""


class ScheduleError(InputError):
    """A schedule that cannot be: cron, zone or days."""


class FormatError(KpiError):
    """A file of a copy cannot be made of what it should tell; making it again would end the same."""

    def __init__(self, form: str, error: Exception) -> None:
        """``form``: the file's ending; ``error``: what its making ended with."""
        self.form, self.error = form, error
        super().__init__("report_not_made", form=form, error=error)

    def message(self, language: Language) -> str:
        error = self.error
        told = error.message(language) if isinstance(error, KpiError) else f"{type(error).__name__}: {error}"
        return phrase(language, "report_not_made", form=self.form, problem=told)

    def __reduce__(self) -> tuple[object, ...]:
        return FormatError, (self.form, self.error)


class RunError(KpiError):
    """A run of a snapshot cannot go on: somebody else has it, its files cannot be kept, or its time is over."""


class DrawingError(KpiError):
    """A picture or a page could not be drawn. What else is asked for is not touched."""


class StateError(KpiError):
    """The state database (annotations, saved views, targets, snapshots) cannot be opened, read or written."""


class StateNotWritable(StateError):
    """The state database is in a place that cannot be written: reading goes on."""


class StaleEdit(InputError):
    """Somebody else has changed meanwhile what is being changed. Nothing was saved."""


class DeliveryError(KpiError):
    """A target did not take a copy, and may take it later."""


class DeliveryRefused(DeliveryError):
    """A target will not take a copy however often it is tried."""


class DeliveryUnconfirmed(DeliveryError):
    """A copy may have arrived: the connection broke after it was sent and before the target had said so."""
