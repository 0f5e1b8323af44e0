"""Tables as people make them, and the column map that turns them into findings."""

from secondlook.evidence.tables.column_map import Column, ColumnMap, Footnote, read_column_map
from secondlook.evidence.tables.grid import Grid
from secondlook.evidence.tables.guess import bare_evidence, guess
from secondlook.evidence.tables.mapping import findings
from secondlook.evidence.tables.reading import read_tables

__all__ = [
    "Column",
    "ColumnMap",
    "Footnote",
    "Grid",
    "bare_evidence",
    "findings",
    "guess",
    "read_column_map",
    "read_tables",
]
