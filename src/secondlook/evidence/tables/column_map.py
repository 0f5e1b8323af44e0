"""The column map: a small TOML file that says what the columns of a table mean.

::

    document = "pockaj2010"            # the study or review the table stands in
    place = "Table 1"
    study = "Authors"                  # heading of the column that names the study
    ignore_columns = ["Country"]       # read by nobody, on purpose
    ignore_rows = ["Total"]

    [studies]                          # label as printed = key in studies.csv; without this
    "Raab et al. 10" = "raab1998"      # section the labels are the keys

    [[columns]]
    heading = "No. of patients"
    endpoint = "patients"
    statistic = "count"

    [[columns]]
    heading = "Hazard ratio (95% CI)"
    pattern = ["{value} ({low}-{high})", "{value}"]        # the first that fits
    endpoint = "OS"
    statistic = "hazard_ratio"
    cohort = "surgery"
    comparator = "no surgery"
    level = "95"

    [[columns]]
    heading = "With surgery, No. (%)"
    pattern = "{number} ({percent})"
    endpoint = "patients"              # what the findings of a column share is said once
    cohort = "surgery"
    findings = [
      { hole = "number", statistic = "count" },
      { hole = "percent", statistic = "percent" },
    ]

    [footnotes]                        # what a mark changes; {} when it changes nothing
    a = { months = 48, note = "4-year value" }
    b = { cohort = "complete resection", row = true }      # in every finding of the row

A table with one row for each arm names the column of the arms (``cohort = "Arm"``) and, like the
studies, what its labels stand for (section ``[cohorts]``).
"""

from __future__ import annotations

import tomllib
from collections import Counter
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from secondlook.errors import EvidenceError, Problem
from secondlook.evidence.delimited import decode, read_bytes
from secondlook.evidence.records import STATISTICS
from secondlook.evidence.tables.grid import fold
from secondlook.evidence.tables.pattern import Pattern

__all__ = [
    "NUMBERS",
    "Column",
    "ColumnMap",
    "Footnote",
    "Meaning",
    "Part",
    "joined",
    "read_column_map",
]

NUMBERS = ("value", "low", "high", "level", "p", "n", "events")
"""The fields of a finding that a hole can fill."""

_MOST_MONTHS = 1200
_MOST_DECIMALS = 15

_AT_A_TIME = ("survival", "survival_range")


def _months(value: Any) -> Any:
    months = Decimal(value) if type(value) in (int, Decimal) else Decimal("nan")
    # neither 1e9 nor 1e-999999, which are a line of digits or a million of them when written out
    is_plain = months.is_finite() and abs(int(months.as_tuple().exponent)) <= _MOST_DECIMALS
    if not (is_plain and 0 <= months <= _MOST_MONTHS):
        rule = f"is not a number of months from 0 to {_MOST_MONTHS}"
        raise ValueError(rule, "write a number such as 60 or 7.5")
    return months


def _patterns(value: Any) -> Any:
    templates = [value] if isinstance(value, str) else value
    if not (isinstance(templates, list | tuple) and templates):
        raise ValueError("is no pattern", "write a pattern such as {value} ({low}-{high})")
    return tuple(Pattern(part) if isinstance(part, str) else part for part in templates)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Meaning(_Part):
    """What a number is: fields of :class:`secondlook.evidence.Finding`, each None if not said."""

    endpoint: str | None = None
    statistic: str | None = None
    cohort: str | None = None
    comparator: str | None = None
    months: Annotated[Decimal | None, BeforeValidator(_months)] = None
    level: str | None = None
    adjusted: bool | None = None
    from_figure: bool | None = None
    note: str | None = None

    @field_validator("statistic")
    @classmethod
    def _is_known(cls, statistic: str | None) -> str | None:
        if statistic is not None and statistic not in STATISTICS:
            raise ValueError("is no known statistic", f"write one of {', '.join(STATISTICS)}")
        return statistic

    def said(self) -> dict[str, Any]:
        """Return the fields that say something."""
        return {
            name: getattr(self, name)
            for name in Meaning.model_fields
            if getattr(self, name) is not None
        }


class Part(Meaning):
    """One of several findings in a cell; its value stands in `hole`, its interval in hole.low."""

    hole: str


class Footnote(Meaning):
    """What a mark changes in the finding it stands at, or (`row`) in all findings of its row."""

    row: bool = False


class Column(Meaning):
    """What the cells below a heading say; `findings` where they say more than one thing.

    The holes of a cell with a single finding are named after the fields they fill: ``value``,
    ``low``, ``high``, ``level``, ``p``, ``n`` and ``events``.
    """

    heading: str
    pattern: Annotated[tuple[Pattern, ...], BeforeValidator(_patterns)] = (Pattern("{value}"),)
    findings: tuple[Part, ...] = Field(default=(), strict=False)

    @cached_property
    def places(self) -> dict[str, tuple[int, str]]:
        """For each name a hole may have, the index of its finding and the field it fills."""
        if not self.findings:
            return {name: (0, name) for name in NUMBERS}
        return {
            part.hole if name == "value" else f"{part.hole}.{name}": (index, name)
            for index, part in enumerate(self.findings)
            for name in NUMBERS
        }

    def meanings(self) -> tuple[dict[str, Any], ...]:
        """Fields of each finding, those that the column says for all of them included."""
        return tuple(joined(self.said(), part.said()) for part in self.findings) or (self.said(),)

    @model_validator(mode="after")
    def _is_complete(self) -> Column:
        for meaning in self.meanings():
            missing = [name for name in ("endpoint", "statistic") if not meaning.get(name)]
            if missing:
                raise ValueError(f"does not say its {' and '.join(missing)}", "add it")
            if meaning["statistic"] in _AT_A_TIME and "months" not in meaning:
                raise ValueError("gives a survival percent without its time", "add months")
        return self

    @model_validator(mode="after")
    def _has_a_place_for_every_hole(self) -> Column:
        holes = {hole for pattern in self.pattern for hole in pattern.holes}
        allowed = ", ".join(NUMBERS if not self.findings else (p.hole for p in self.findings))
        for hole in sorted(holes - self.places.keys()):
            rule = f"has a hole {{{hole}}} that fills nothing"
            raise ValueError(rule, f"name it after one of {allowed}")
        for part in self.findings:
            if part.hole not in holes:
                raise ValueError(f"has no pattern with {{{part.hole}}}", "add it to the pattern")
        return self


class ColumnMap(_Part):
    """What a table says: where it stands, what its rows are about, what its columns mean.

    See the head of this module for an example with every key.
    """

    document: str
    place: str
    study: str
    cohort: str | None = None
    studies: dict[str, str] = {}
    cohorts: dict[str, str] = {}
    columns: tuple[Column, ...] = Field(strict=False)
    ignore_columns: tuple[str, ...] = Field(default=(), strict=False)
    ignore_rows: tuple[str, ...] = Field(default=(), strict=False)
    footnotes: dict[str, Footnote] = {}

    @field_validator("studies", "cohorts")
    @classmethod
    def _folded(cls, labels: dict[str, str]) -> dict[str, str]:
        alike: dict[str, list[str]] = {}
        for label in labels:
            alike.setdefault(fold(label), []).append(f'"{label}"')
        twice = [" and ".join(written) for written in alike.values() if len(written) > 1]
        if twice:
            rule = f"names the same label as {', and as '.join(twice)}"
            raise ValueError(rule, "keep one of them, since white space tells no rows apart")
        return {fold(label): key for label, key in labels.items()}

    @model_validator(mode="after")
    def _names_each_heading_once(self) -> ColumnMap:
        counts = Counter(self.headings)
        for heading, count in counts.items():
            if count > 1:
                remedy = "keep one (several patterns of a column are a list: pattern = [...])"
                raise ValueError(f'names the heading "{heading}" {count} times', remedy)
        return self

    @property
    def headings(self) -> tuple[str, ...]:
        """Every heading the map names, white space folded."""
        labels = [self.study, *([self.cohort] if self.cohort is not None else [])]
        columns = [column.heading for column in self.columns]
        return tuple(fold(name) for name in (*labels, *columns, *self.ignore_columns))


def joined(first: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    """Put two sayings together: what is said later wins, except that notes are all kept."""
    joined = first | then
    notes = [said["note"] for said in (first, then) if said.get("note")]
    return joined | {"note": "; ".join(dict.fromkeys(notes))} if notes else joined


def read_column_map(path: Path) -> ColumnMap:
    r"""Read a column map.

    Raises
    ------
    EvidenceError
        One line for each thing that is wrong: the file, the key, the rule and the remedy.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "table1.toml"
    ...     _ = path.write_text('document = "a"\nplace = "Table 1"\nstudy = "Authors"')
    ...     read_column_map(path)
    Traceback (most recent call last):
    secondlook.errors.EvidenceError: table1.toml, columns: is missing; add it
    """
    text = decode(read_bytes(path), path.name)
    try:
        said = tomllib.loads(text, parse_float=_decimal)
    except (ValueError, RecursionError) as error:
        # not only tomllib's own error: numbers of many digits, and brackets in brackets in brackets
        rule = f"is not TOML ({error})"
        remedy = "mend that line (text stands in quotation marks)"
        raise EvidenceError(Problem(path.name, None, rule, remedy)) from error
    try:
        return ColumnMap.model_validate(said)
    except ValidationError as error:
        raise EvidenceError(_problems(error, path.name)) from error


def _decimal(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:
        raise ValueError("a number has an exponent that is too long") from None


def _problems(error: ValidationError, file: str) -> list[Problem]:
    problems = []
    for found in error.errors(include_url=False):
        key = ""
        for step in found["loc"]:
            key += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
        where = f"{file}, {key.removeprefix('.')}" if key else file
        value = found["input"] if isinstance(found["input"], str | int | Decimal) else None
        if isinstance(value, int) and value.bit_length() > 64:
            value = None  # Python writes no number of thousands of digits
        cause = found.get("ctx", {}).get("error")
        if isinstance(cause, ValueError) and len(cause.args) == 2:
            rule, remedy = cause.args
        elif found["type"] == "extra_forbidden":
            rule, remedy, value = (
                "is not a key that belongs here",
                "remove it or spell it right",
                None,
            )
        elif found["type"] == "missing":
            rule, remedy, value = "is missing", "add it", None
        else:
            message = found["msg"][:1].lower() + found["msg"][1:]
            rule, remedy = f"is not right ({message})", "write what it asks for"
        shown = None if value is None else str(value)
        problems.append(Problem(where, shown, rule, remedy))
    return problems
