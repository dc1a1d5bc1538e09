"""A run as Parquet, a row per trial, in groups of rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from evalharness.errors import ConfigError
from evalharness.exporters import Taken
from evalharness.exporters.runs import ToldRun
from evalharness.exporters.runs_rows import COLUMNS, rows
from evalharness.text import well_formed

GROUP = 20_000


@dataclass(frozen=True)
class ParquetExporter:
    """Typed columns, compressed; needs pyarrow."""

    takes: ClassVar[Taken] = "run"

    def write(self, source: ToldRun, path: Path) -> None:
        """Write the rows group by group."""
        if find_spec("pyarrow") is None:
            raise ConfigError('writing Parquet needs pyarrow: `pip install "evalharness[parquet]"`')
        import pyarrow as pa  # noqa: PLC0415 - 100 ms and an optional package that only Parquet needs
        from pyarrow import parquet  # noqa: PLC0415

        kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
        schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
        with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            for group in _groups(rows(source)):
                columns = [[well_formed(row[name]) for row in group] for name in COLUMNS]
                arrays = [pa.array(column, type=each.type) for column, each in zip(columns, schema, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _groups(found: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(found)
    while group := list(islice(iterator, GROUP)):
        yield group
