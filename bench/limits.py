"""What is measured against what was promised."""


def told(measured: float, limit: float, unit: str) -> str:
    """Whether a figure keeps its limit, and the limit: "✓ ≤ 500 ms"."""
    return f"{'✓' if measured <= limit else '✕'} ≤ {limit:g} {unit}"


def at_least(measured: float, limit: float, of: int) -> str:
    """As ``told`` for what must not be fewer: "✓ ≥ 18 of 20"."""
    return f"{'✓' if measured >= limit else '✕'} ≥ {limit:g} of {of}"
