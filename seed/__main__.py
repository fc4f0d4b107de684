"""``python -m seed``: fill a warehouse with the demo bank."""

import argparse
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tqdm import tqdm

from kpi.dates import day_of
from kpi.errors import KpiError
from kpi.i18n import Language, phrase
from kpi.plain_text import clean_lines, log_to_stderr
from kpi.settings import Settings, load_settings
from kpi.warehouse import Warehouse
from seed import snapshots
from seed.load import Progress, fill
from seed.notes import write_down
from seed.options import Options, today


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives the exit code: 0 done, 2 not acceptable as asked, 1 anything else that went wrong."""
    settings = None
    log_to_stderr()
    try:
        settings = load_settings()
        return _run(_parser().parse_args(arguments), settings)
    except KpiError as error:
        language = settings.language if settings else "en"
        print(clean_lines(error.message(language)), file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    usual = Options(end=today())
    parser = argparse.ArgumentParser(
        prog="python -m seed", description="Fill a warehouse with the demo bank: the same options make the same facts."
    )
    parser.add_argument("--days", type=int, default=usual.days, help="days of data (%(default)s)")
    parser.add_argument("--interactions", type=int, default=usual.interactions, help="a day (%(default)s)")
    parser.add_argument("--customers", type=int, default=usual.customers, help="in all (%(default)s)")
    parser.add_argument("--end", default=str(usual.end), help="the running day, YYYY-MM-DD (today in Shanghai)")
    parser.add_argument("--seed", type=int, default=usual.seed, help="random seed (%(default)s)")
    parser.add_argument("--target", default="", help="URL of the warehouse (the setting KPI_WAREHOUSE_URL)")
    parser.add_argument("--if-empty", action="store_true", help="leave a warehouse that holds any data as it is")
    parser.add_argument("--timing", action="store_true", help="say how long generating and loading took")
    return parser


def _run(asked: argparse.Namespace, settings: Settings) -> int:
    options = Options(
        days=asked.days,
        interactions=asked.interactions,
        customers=asked.customers,
        end=day_of(asked.end),
        seed=asked.seed,
    )
    language: Language = "zh" if settings.language == "zh" else "en"
    # The customers are kept in memory beside what the engine may use.
    within = replace(settings, memory=max(1, settings.memory - 1))
    warehouse = Warehouse(asked.target or settings.warehouse_url, within)
    try:
        own = warehouse.url == settings.warehouse_url
        if asked.if_empty and warehouse.exists() and warehouse.published().data_start is not None:
            if own:
                snapshots.go_on(settings, warehouse)
            return 0
        # Only a lake can be read as it was before something came late.
        came_late = snapshots.late(options) if own and warehouse.kind == "ducklake" else None
        with _shown() as tell:
            filled = fill(warehouse, options, tell, language, came_late)
        if own:
            write_down(settings, options)
            if filled is None:
                snapshots.go_on(settings, warehouse)
            else:
                snapshots.write_down(settings, warehouse.published(), came_late, filled.before_late)
        if filled is None:
            print(phrase(language, "seed_already_there", place=warehouse.place))
            return 0
        seconds = filled.seconds
        print(
            phrase(
                language,
                "seed_done",
                interactions=f"{filled.interactions:,}",
                first=filled.first,
                last=filled.last,
                place=warehouse.place,
                seconds=f"{seconds:.1f}",
            )
        )
        if asked.timing:
            print(
                phrase(
                    language,
                    "seed_timing",
                    generate=f"{filled.generate_seconds:.1f}",
                    generate_rate=f"{filled.interactions / filled.generate_seconds:,.0f}",
                    load=f"{filled.load_seconds:.1f}",
                    rate=f"{filled.interactions / seconds:,.0f}",
                    memory=f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f}",
                )
            )
    finally:
        warehouse.close()
    return 0


@contextmanager
def _shown() -> Iterator[Progress]:
    """Shows progress on standard error: a bar on a terminal, a line a percent otherwise."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    with tqdm(total=100, bar_format="{l_bar}{bar}| {elapsed}", file=sys.stderr) as bar:

        def tell(share: float, text: str) -> None:
            bar.set_description(text, refresh=False)
            bar.update(round(share * 100, 1) - bar.n)

        yield tell


def _lines() -> Progress:
    told = -1

    def tell(share: float, text: str) -> None:
        nonlocal told
        if int(share * 100) > told:
            told = int(share * 100)
            print(f"{share:4.0%} {text}", file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    sys.exit(main())
