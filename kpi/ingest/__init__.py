"""Import of real files: a text-only mapping says what the columns of a file mean to the warehouse."""

from kpi.ingest.importer import import_file, rejected_rows_csv
from kpi.ingest.mapping import Mapping, load_mapping, shipped_mappings

__all__ = ["Mapping", "import_file", "load_mapping", "rejected_rows_csv", "shipped_mappings"]
