"""An instance of the engine: DuckDB, over the lake or over a file of its own."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import sqlalchemy as sa
from duckdb_sqlalchemy import ConnectionWrapper

from kpi.errors import WarehouseError
from kpi.home import copy_of_database, working_folder, writable
from kpi.settings import Settings

LAKE = "lake"  # the attached database

# How long a statement on the catalogue waits for another process's commit, in milliseconds.
_CATALOGUE_TIMEOUT = 30_000

# A table that may have rows in the catalogue is looked up there by every statement, which takes as long as most
# statements themselves: few rows are files too. A warehouse that was made otherwise keeps what it has there.
_ROWS_IN_CATALOGUE = 0


@dataclass(frozen=True)
class Instance:
    """``root``: the connection that has everything attached. ``engine``: where each thread takes one of its own from.
    ``main``: the schema of the tables. ``searched``: where a connection finds tables: there, and what every process
    makes itself. ``catalogue``: the file that is attached. ``beside``: a folder outside the home, which goes with the
    instance.
    """

    root: duckdb.DuckDBPyConnection
    engine: sa.Engine
    main: str
    searched: str
    catalogue: Path
    beside: TemporaryDirectory[str] | None = None

    @classmethod
    def of_file(cls, place: Path, settings: Settings, *, read_only: bool = False) -> "Instance":
        """Open a DuckDB file, or make it where it is not opened to be read only."""
        beside = None if writable(settings.home) else TemporaryDirectory(prefix="switchboard-")
        root = duckdb.connect(str(place), config=_config(settings, beside), read_only=read_only)
        root.execute("ATTACH IF NOT EXISTS ':memory:' AS memory")
        (name,) = root.execute("SELECT current_database()").fetchall()[0]
        return cls._of(root, name, place, beside)

    @classmethod
    def of_lake(
        cls,
        catalogue: Path,
        data: Path,
        settings: Settings,
        *,
        create: bool = False,
        read_only: bool = False,
        version: int | None = None,
    ) -> "Instance":
        """Open a lake; ``create``: make it where it is missing; ``version``: as it was then.

        ``read_only``: of a catalogue that cannot be written a copy is read, since SQLite wants to write beside the file
        whatever it is opened for.
        """
        global _checked
        copied = read_only and not (writable(catalogue) and writable(catalogue.parent))
        beside = TemporaryDirectory(prefix="switchboard-") if copied or not writable(settings.home) else None
        if copied and beside is not None:
            catalogue = copy_of_database(catalogue, Path(beside.name))
        config = _config(settings, beside) | {"allow_unsigned_extensions": _checked}
        root = duckdb.connect(":memory:", config=config)
        load_extensions(root, "sqlite_scanner", "ducklake")
        _checked = True
        # The catalogue remembers where its files were; a home that was moved, or restored elsewhere, has them here.
        options = [
            f"DATA_PATH '{quoted(data)}'",
            "OVERRIDE_DATA_PATH true",
            f"DATA_INLINING_ROW_LIMIT {_ROWS_IN_CATALOGUE}",
            f"CREATE_IF_NOT_EXISTS {str(create).lower()}",
            "META_JOURNAL_MODE 'WAL'",
            f"META_BUSY_TIMEOUT {_CATALOGUE_TIMEOUT}",
        ]
        if version is not None:
            options.append(f"SNAPSHOT_VERSION {version}")
        if read_only:
            options.append("READ_ONLY")
        root.execute(f"ATTACH 'ducklake:sqlite:{quoted(catalogue)}' AS {LAKE} ({', '.join(options)})")
        return cls._of(root, LAKE, catalogue, beside)

    @classmethod
    def _of(
        cls, root: duckdb.DuckDBPyConnection, name: str, catalogue: Path, beside: TemporaryDirectory[str] | None
    ) -> "Instance":
        main = f'"{name}".main'
        searched = f"{main},memory.main"
        # Every time in the warehouse is UTC without a zone; the session must not shift any.
        root.execute("SET GLOBAL TimeZone = 'UTC'")

        def connect() -> ConnectionWrapper:
            # A cursor shares the instance: extensions and the attached lake are loaded once.
            cursor = root.cursor()
            cursor.execute(f"SET search_path = '{quoted(searched)}'")
            return ConnectionWrapper(cursor)

        engine = sa.create_engine("duckdb://", creator=connect, poolclass=sa.QueuePool, pool_size=8, max_overflow=24)
        return cls(root, engine, main, searched, catalogue, beside)

    def close(self) -> None:
        self.engine.dispose()
        self.root.close()
        if self.beside is not None:
            self.beside.cleanup()


def _config(
    settings: Settings, beside: TemporaryDirectory[str] | None
) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": f"{settings.memory}GB",
        "threads": settings.threads,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "temp_directory": beside.name if beside is not None else str(working_folder(settings.home)),
    }


# The signatures of the extensions, 70 MB of files, are checked once a process: that takes as long as all the rest of
# opening a warehouse.
_checked = False


def load_extensions(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Load the extension files that wheels carry for the installed DuckDB."""
    for name in names:
        connection.execute(f"LOAD '{quoted(_extension(f'duckdb_extension_{name}'))}'")


def _extension(package: str) -> Path:
    """The signed extension file that the wheel ``package`` carries for the installed DuckDB."""
    found = list(Path(import_module(package).__path__[0]).glob(f"extensions/v{duckdb.__version__}/*.duckdb_extension"))
    if not found:
        raise WarehouseError("extension_missing", package=package, version=duckdb.__version__)
    return found[0]


def quoted(text: Path | str) -> str:
    """Text for between single quotes."""
    return str(text).replace("'", "''")
