"""What can be told of a source file before any of it is parsed: that it is there, whole, text, and in its encoding."""

import codecs
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kpi.errors import FileError
from kpi.home import working_folder
from kpi.ingest.mapping import Source

# The first bytes of an export of rejected rows. Such a file is always UTF-8 with commas, whatever the source's own
# format, so that it can be mended and loaded again with the same mapping.
EXPORT_COLUMNS = ("rejected_row", "reasons")
EXPORT_START = (",".join(EXPORT_COLUMNS) + ",").encode()

_CHUNK = 1 << 20
_GUESSES = ("utf-8", "gb18030", "big5", "cp1252")
# Signatures of what people send in place of a CSV file.
_KINDS = {
    b"PK\x03\x04": "Excel (.xlsx) / ZIP",
    b"\xd0\xcf\x11\xe0": "Excel (.xls)",
    b"%PDF": "PDF",
    b"\x1f\x8b": "gzip",
    b"PAR1": "Parquet",
}
# Characters that the reader would take for a pattern of file names.
_PATTERN = set("*?[]{}")


def is_export(file: Path) -> bool:
    """Whether the file is an export of rejected rows. Raises FileError where it cannot be read."""
    with _opened(file), file.open("rb") as stream:
        return stream.read(len(EXPORT_START) + 3).removeprefix(codecs.BOM_UTF8).startswith(EXPORT_START)


@contextmanager
def readable(file: Path, source: Source, home: Path) -> Iterator[Path]:
    """Check the file and give the path to read: itself, or for the time of the block a copy in UTF-8 below ``home``.

    Raises FileError: missing, unreadable, empty, binary, cut off, or not of the encoding that the mapping says.
    """
    with _opened(file):
        if file.stat().st_size == 0:
            raise FileError("file_empty", file=file)
        first = file.open("rb").read(8)
    export = is_export(file)
    text = source.format != "parquet" or export
    encoding = "utf-8" if export or source.format == "json" else codecs.lookup(source.encoding).name
    if text:
        kind = next((kind for start, kind in _KINDS.items() if first.startswith(start)), None)
        if kind is not None:
            raise FileError("file_other_kind", file=file, kind=kind, expected=source.format)
    copy_needed = bool(_PATTERN & set(str(file))) or (text and encoding not in {"utf-8", "utf-8-sig"})
    if not copy_needed:
        if text:
            for _ in _decoded(file, source, encoding):
                pass
        yield file.resolve()
        return
    with tempfile.NamedTemporaryFile(dir=working_folder(home), prefix="import-", suffix=".tmp") as copy:
        with _opened(file):
            if text:
                for chunk in _decoded(file, source, encoding):
                    copy.write(chunk.encode())
            else:
                copy.write(file.read_bytes())
        copy.flush()
        yield Path(copy.name).resolve()


def _decoded(file: Path, source: Source, encoding: str) -> Iterator[str]:
    """The file's text in pieces, checked on the way."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, last = 1, ""
    with _opened(file), file.open("rb") as stream:
        while True:
            chunk = stream.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(encoding, "replace")
                raise FileError(
                    "file_encoding",
                    file=file,
                    line=line + good.count("\n"),
                    expected=source.encoding,
                    found=_guess(file, encoding),
                ) from error
            if "\0" in text:
                raise FileError("file_binary", file=file, line=line + text[: text.index("\0")].count("\n"))
            line += text.count("\n")
            last = text or last
            if text:
                yield text
            if not chunk:
                break
    if source.format == "csv" and source.final_newline and not last.endswith(("\n", "\r")):
        raise FileError("file_cut", file=file, line=line, text=last.splitlines()[-1][-40:])


def _guess(file: Path, tried: str) -> str:
    """The encodings that the file's beginning would fit, for the person to choose from."""
    with file.open("rb") as stream:
        start = stream.read(_CHUNK)
    fits = []
    for encoding in _GUESSES:
        try:
            codecs.getincrementaldecoder(encoding)().decode(start)
        except UnicodeDecodeError:
            continue
        if encoding != tried:
            fits.append(encoding)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        fits = ["utf-16"]
    return ", ".join(fits) or "–"


@contextmanager
def _opened(file: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FileError("file_missing", file=file) from error
    except OSError as error:
        raise FileError("file_not_opened", file=file, problem=error.strerror) from error
