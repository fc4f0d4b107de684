"""The small line of a card, as SVG: six of them on a page must not cost six chart engines."""

from collections.abc import Sequence

from kpi.charts.theme import Style

_WIDTH, _HEIGHT, _EDGE = 140.0, 34.0, 4.0


def spark(
    values: Sequence[float | None],
    previous: Sequence[float | None],
    style: Style,
    cut: tuple[bool, bool] = (False, False),
) -> str:
    """An SVG image: one line for ``values``, a grey one for ``previous``; gaps stay gaps.

    ``cut``: whether the first and the last value are of part of a slot, or still growing: a dotted piece leads there.
    The scale is the line's own (no zero): it shows shape, not size.
    """
    palette = style.palette
    known = [value for value in (*values, *previous) if value is not None]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:g}" height="{_HEIGHT:g}" '
        f'viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" preserveAspectRatio="none">'
    )
    if not known:
        return f"{head}</svg>"
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    slots = max(len(values), len(previous), 2) - 1

    def point(index: int, value: float) -> str:
        x = _EDGE + index / slots * (_WIDTH - 2 * _EDGE)
        y = _EDGE + (1 - (value - low) / span) * (_HEIGHT - 2 * _EDGE) if high > low else _HEIGHT / 2
        return f"{x:.1f} {y:.1f}"

    def path(series: Sequence[float | None], colour: str, width: float, dash: str = "", first: int = 0) -> str:
        steps, pen = [], "M"
        for index, value in enumerate(series, start=first):
            if value is None:
                pen = "M"
                continue
            steps.append(f"{pen}{point(index, value)}")
            pen = "L"
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        return (
            f'<path d="{" ".join(steps)}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashed} '
            'stroke-linejoin="round" stroke-linecap="round" vector-effect="non-scaling-stroke"/>'
        )

    ends = cut if len(values) > 1 else (False, False)
    first, behind = int(ends[0]), len(values) - int(ends[1])
    drawn = [path(previous, palette.compare, 1), path(values[first:behind], palette.ink2, 1.6, first=first)]
    for dotted, at in zip(ends, (0, len(values) - 2), strict=True):
        if dotted:
            drawn.append(path(values[at : at + 2], palette.ink2, 1.6, dash="1.5 3", first=at))
    last = max((index for index, value in enumerate(values) if value is not None), default=None)
    if last is not None:
        # A line of no length with a round cap: a circle would be squeezed with the figure.
        spot = point(last, values[last])  # type: ignore[arg-type]
        for colour, width in ((palette.ink2, 7), (palette.background, 4)):
            drawn.append(
                f'<path d="M{spot} l.01 0" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" '
                'vector-effect="non-scaling-stroke"/>'
            )
    return head + "".join(drawn) + "</svg>"
