"""What the page of the channels opens with: where customers come, and whose self-service rate is whose."""

from collections.abc import Mapping

from kpi.i18n import Language, phrase
from kpi.i18n.formats import format_change, format_value
from kpi.metrics.model import Metric
from kpi.narrative.change_tone import tone
from kpi.narrative.headline import Sentence, Span, changed
from kpi.query.answer import Answer, Cell


def where_from(
    volume: Cell, shares: Answer, metrics: Mapping[str, Metric], names: Mapping[str, str], language: Language
) -> Sentence:
    """The volume with its change, and the two channels with the largest shares. ``shares``: channel_mix by channel."""
    spans = [
        Span(metrics["volume"].name(language).capitalize() + phrase(language, "say_space")),
        Span(format_value(volume.value, "count", language), strong=True),
        *changed(volume, metrics["volume"], shares, language),
    ]
    cells = [cell for cell in shares.cells if cell.kpi == "channel_mix" and cell.value and cell.key[0] is not None]
    for key, cell in zip(("channels_first", "channels_second"), sorted(cells, key=_largest)[:2], strict=False):
        name = names.get(str(cell.key[0]), str(cell.key[0]))
        spans.append(Span(phrase(language, key, channel=name)))
        spans.append(Span(format_value(cell.value, "share", language), strong=True))
        if cell.change is not None:
            moved = format_change(cell, "share", language)
            spans.append(Span(phrase(language, "channels_moved", change=moved), tone(cell, metrics["channel_mix"])))
    return (*spans, Span(phrase(language, "say_end")))


def _largest(cell: Cell) -> tuple[float, str]:
    return -(cell.value or 0.0), str(cell.key[0])


def whose_rate(own: Cell | None, together: Cell, centre: Cell, multiple: Cell | None, language: Language) -> Sentence:
    """WeChat's own self-service rate is no rate of the centre: what it is with the phone lines, and with all channels.

    ``own``: of WeChat alone; ``together``: of WeChat and the phone lines; ``centre``: of all channels; ``multiple``:
    WeChat's volume ÷ answered calls. Empty without a rate of WeChat's.
    """
    if own is None or own.value is None or centre.value is None:
        return ()
    spans = [
        Span(phrase(language, "channels_own_rate")),
        Span(format_value(own.value, "share", language), strong=True),
        Span(phrase(language, "channels_own_only")),
    ]
    if together.value is not None and multiple is not None and multiple.value is not None:
        spans += [
            Span(phrase(language, "channels_times")),
            Span(format_value(multiple.value, "multiple", language), strong=True),
            Span(phrase(language, "channels_together")),
            Span(format_value(together.value, "share", language), strong=True),
        ]
    return (
        *spans,
        Span(phrase(language, "channels_centre_is")),
        Span(format_value(centre.value, "share", language), strong=True),
        Span(phrase(language, "say_end")),
    )
