"""The identity proof in words."""

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_count
from kpi.query.integrity import Check

# Checks with few terms are written out; the others name only how many terms there are.
_WRITTEN_OUT = {"offered", "sessions"}


def identity_sentence(check: Check, language: Language) -> str:
    """One check as an equation, its figures in full: what does not add up by one must be seen."""
    total = format_count(check.total, language, compact=False)
    added = format_count(sum(number for _, number in check.terms), language, compact=False)
    if check.id in _WRITTEN_OUT:
        terms = " + ".join(
            f"{phrase(language, f'term_{name}')} {format_count(number, language, compact=False)}"
            for name, number in check.terms
        )
        return phrase(language, f"proof_{check.id}", total=total, terms=terms)
    said = phrase(language, f"proof_{check.id}", total=total, added=added, count=len(check.terms))
    return said if check.holds else f"{said} ({total} ≠ {added})"
