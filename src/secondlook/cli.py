"""The command line: ``secondlook demo | new | extract | show | pool | report``.

Exit status: 0 when it was done, 2 when there is something the user can mend, 130 when interrupted.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from secondlook.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secondlook.evidence import Evidence
    from secondlook.review import Review

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help=(
        "Comparative survival, looked at twice: evidence as printed, pooled, and reported so that "
        "every number leads back to its cell.\n\n"
        "Begin with [bold]secondlook demo[/bold] to see a whole review, then "
        "[bold]secondlook new my-review[/bold], fill in review.toml and evidence/*.csv with a "
        "spreadsheet, and [bold]secondlook report my-review[/bold].\n\n"
        "Research software about groups of patients; never advice for one patient."
    ),
)

Where = Annotated[
    Path,
    typer.Argument(help="Folder of a review, or the name of a bundled one: stage-iv-breast."),
]
Out = Annotated[Path | None, typer.Option(help="Where to write; default: DIR/out.")]


class Part(StrEnum):
    """What ``show`` can show."""

    STUDIES = "studies"
    COHORTS = "cohorts"
    FINDINGS = "findings"
    FACTORS = "factors"
    REFERENCES = "references"
    AUDIT = "audit"


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"secondlook {version('secondlook')}")
        raise typer.Exit


@app.callback()
def _options(
    _show_version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Hold the options of the program itself."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path("out"),
) -> None:
    """Run the bundled review, surgery in stage IV breast cancer, to its report."""
    _report(Path("stage-iv-breast"), out)


@app.command()
def new(
    directory: Annotated[Path, typer.Argument(help="The folder to make.", metavar="DIR")],
    source: Annotated[
        str, typer.Option("--from", help="Copy a bundled review instead: stage-iv-breast.")
    ] = "",
) -> None:
    """Make the folder of a new review, with files to fill in."""
    from secondlook.review import new as make

    make(directory, source=source)
    console = Console(highlight=False)
    console.print(f"Made {directory}", markup=False, soft_wrap=True)
    if not source:
        console.print(
            "Next:\n"
            f"  1. say what is asked in {directory / 'review.toml'}\n"
            f"  2. fill in studies.csv and findings.csv in {directory / 'evidence'},\n"
            "     and cohorts.csv where a study has arms or subgroups\n"
            f"     ({directory / 'README.md'} explains every column)\n"
            f"  3. secondlook report {directory}",
            markup=False,
            soft_wrap=True,
        )


@app.command()
def report(directory: Where = Path(), out: Out = None) -> None:
    """Carry out the planned analyses and write the report, its figures, tables and numbers."""
    _report(directory, out)


def _report(directory: Path, out: Path | None) -> None:
    from secondlook.review import EXAMPLES

    review = _open(directory)
    bundled = str(directory) in EXAMPLES and not directory.exists()
    target = out or (Path("out") if bundled else None)
    console = Console(stderr=True, highlight=False)
    page = review.run(
        target, lambda stage: console.print(f"  {stage}", markup=False, soft_wrap=True)
    )
    if not review.question.analyses:
        console.print(
            "No analysis is planned yet: add an [[analyses]] block to review.toml "
            "(the comments in it show how).",
            markup=False,
            soft_wrap=True,
        )
    typer.echo(f"Report: {page}")


@app.command()
def show(
    directory: Where = Path(),
    part: Annotated[Part, typer.Option(help="Which records.")] = Part.STUDIES,
    study: Annotated[str, typer.Option(help="Only those of the study with this key.")] = "",
) -> None:
    """Show the evidence in the terminal, as printed."""
    evidence = _open(directory).evidence
    frame = evidence.to_frames()[part.value]
    if study:
        evidence_keys = [entry.key for entry in evidence.studies]
        if study not in evidence_keys:
            known = ", ".join(evidence_keys) or "none yet"
            problem = Problem("show", study, "is not a study here", f"choose one of: {known}")
            raise InputError(problem)
        column = next((name for name in ("study", "key") if name in frame.columns), "")
        if not column:
            problem = Problem("--study", study, f"does not apply to {part.value}", "leave it out")
            raise InputError(problem)
        frame = frame.filter(frame[column] == study)
    filled = [name for name in frame.columns if any(frame[name].to_list())]
    table = Table(title=f"{part.value}: {frame.height}", show_lines=False)
    for name in filled:
        table.add_column(name, overflow="fold")
    for row in frame.select(filled).iter_rows():
        table.add_row(*(Text(cell) for cell in row))
    # a pipe or a file has no width to fold at
    console = Console(width=None if sys.stdout is not None and sys.stdout.isatty() else 250)
    console.print(table)


@app.command()
def pool(
    directory: Where = Path(),
    analysis: Annotated[
        str, typer.Argument(help="The id of an analysis in review.toml; none lists them.")
    ] = "",
    leave_one_out: Annotated[
        bool, typer.Option(help="Also pool without each study in turn.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Carry out one planned analysis and print it."""
    review = _open(directory)
    if not analysis:
        question = review.question
        plans = [(plan.id, plan.title) for plan in question.analyses]
        plans += [(plan.id, plan.title) for plan in question.curves]
        nothing = ["No analysis is planned yet: add an [[analyses]] block to review.toml."]
        typer.echo("\n".join([f"{name}\n    {title}" for name, title in plans] or nothing))
        return
    result = review.result(analysis)
    if as_json:
        typer.echo(_as_json(result.to_dict()))
        return
    typer.echo(str(result))
    if leave_one_out:
        few = "Leaving one study out needs three studies or more."
        typer.echo(f"\n{getattr(result, 'left_out', None) or few}")


def _as_json(content: dict[str, Any]) -> str:
    from secondlook.files import finite

    return json.dumps(finite(content), indent=1, ensure_ascii=False)


class Format(StrEnum):
    """How ``audit`` prints what it found."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"
    INSPECT_SR = "inspect-sr"


@app.command()
def audit(
    directory: Where = Path(),
    table: Annotated[
        Path | None, typer.Option(help="Audit a bare table (CSV, XLSX, HTML, JATS) instead.")
    ] = None,
    column_map: Annotated[
        Path | None, typer.Option("--map", help="What its columns mean; else they are guessed.")
    ] = None,
    text: Annotated[
        Path | None, typer.Option(help="Audit the numbers of a text (.txt, .xml) instead.")
    ] = None,
    style: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit 0 also when there are undecided errors.")
    ] = False,
    prepare: Annotated[
        bool,
        typer.Option("--prepare", help="Add what is open to evidence/audit.csv, to be decided."),
    ] = False,
) -> None:
    """Say which printed numbers cannot all be right. Exit 1 while an error is undecided."""
    from secondlook.audit import Severity
    from secondlook.audit import audit as ask
    from secondlook.audit.formats import printed

    bare = table is not None or text is not None
    _one_of(directory != Path(), table, column_map, text, prepare)
    if bare:
        evidence, remarks = _bare(table, column_map, text)
        for remark in remarks:
            typer.echo(remark, err=True)
        found = ask(evidence)
    else:
        review = _open(directory)
        evidence = review.evidence
        with _progress(len(evidence.studies)) as progress:
            found = review.audit(progress)
    changes = () if bare or style in (Format.CSV, Format.INSPECT_SR) else review.consequences(found)
    if style is Format.HTML:
        from secondlook.report import audit_page

        typer.echo(audit_page(found, evidence, changes))
    else:
        consequences: dict[int, list[dict[str, Any]]] = {}
        for one in changes:
            position = found.discrepancies.index(one.discrepancy)
            consequences.setdefault(position, []).append(one.to_dict())
        typer.echo(printed(found, style.value, consequences), nl=False)
    if prepare:
        typer.echo(f"{review.prepare_decisions(found)} added to evidence/audit.csv", err=True)
    if found.open(Severity.ERROR) and not exit_zero:
        raise typer.Exit(1)


def _one_of(
    directory: bool, table: Path | None, column_map: Path | None, text: Path | None, prepare: bool
) -> None:
    """Refuse words that cannot be meant together, rather than pass one of them over."""
    problems = []
    if table is not None and text is not None:
        problems.append(
            Problem("--table", None, "and --text are one or the other", "leave one out")
        )
    if column_map is not None and table is None:
        problems.append(Problem("--map", None, "needs a table", "give it with --table"))
    if prepare and (table is not None or text is not None):
        rule = "needs the folder of a review"
        problems.append(Problem("--prepare", None, rule, "leave out --table and --text"))
    if directory and (table is not None or text is not None):
        rule = "and a bare table or text are one or the other"
        problems.append(Problem("DIR", None, rule, "leave out the folder, or --table and --text"))
    if problems:
        raise InputError(problems)


def _bare(
    table: Path | None, column_map: Path | None, text: Path | None
) -> tuple[Evidence, tuple[str, ...]]:
    if table is not None:
        from secondlook.evidence.tables import bare_evidence

        return bare_evidence(table, column_map)
    from secondlook.evidence.free_text import text_evidence

    return text_evidence(text or Path())


@contextmanager
def _progress(studies: int) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on the terminal for an audit that takes more than a moment; gone when it ends."""
    if studies < 500 or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Auditing", total=studies)
        yield lambda done, _: bar.update(task, completed=done)


@app.command()
def extract(
    table_file: Annotated[
        Path, typer.Argument(help="A table as CSV, XLSX, HTML or JATS XML.", metavar="FILE")
    ],
    column_map: Annotated[
        Path | None,
        typer.Argument(help="What its columns mean (docs/tables.md); none lists the tables."),
    ] = None,
    number: Annotated[int, typer.Option("--table", help="Which table of the file.")] = 1,
    out: Annotated[Path | None, typer.Option(help="A new CSV file; default: the screen.")] = None,
) -> None:
    """Turn a table of a paper into rows for findings.csv, every cell as printed."""
    from secondlook.evidence import Evidence
    from secondlook.evidence.store import to_csv
    from secondlook.evidence.tables import findings, read_column_map, read_tables
    from secondlook.files import replace_bytes

    grids = read_tables(table_file)
    if column_map is None:
        for index, grid in enumerate(grids, 1):
            typer.echo(
                f"{index}. {grid.caption or grid.name or table_file.name}: {len(grid.rows)} rows"
            )
            for heading in grid.header:
                typer.echo(f"   {heading}")
        return
    if not 1 <= number <= len(grids):
        rule = f"is not one of the {len(grids)} tables of {table_file.name}"
        raise InputError(Problem("--table", str(number), rule, "leave out the map to list them"))
    found, problems = findings(grids[number - 1], read_column_map(column_map))
    if out is not None and out.exists():
        problems = (*problems, Problem("--out", str(out), "is already there", "choose a new name"))
    if problems:
        raise InputError(problems)
    text = to_csv(Evidence(findings=found), "findings")
    if out is None:
        typer.echo(text, nl=False)
        return
    replace_bytes(out, text.encode())
    typer.echo(f"{len(found)} findings: {out}")


def _open(directory: Path) -> Review:
    from secondlook.review import EXAMPLES, Review, example

    if not directory.exists() and str(directory) in EXAMPLES:
        return example(str(directory))
    # whoever names the file means its folder
    return Review.open(directory.parent if directory.name == "review.toml" else directory)


_STOPPED = "secondlook: stopped; every file is as it was or complete"


def main() -> None:
    """Run the program; what the user can mend is one line for each problem, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # a terminal that lacks a letter shows another sign for it, and the work goes on
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except InputError as error:
        for problem in error.problems:
            typer.echo(f"secondlook: {problem}", err=True)
        sys.exit(2)
    except OSError as error:
        name, reason = error.filename or "output", error.strerror or type(error).__name__
        typer.echo(
            f"secondlook: {name}: cannot be read or written ({reason}); check path and rights",
            err=True,
        )
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo(_STOPPED, err=True)
        sys.exit(130)
    except SystemExit as end:
        if end.code == 130:  # what typer makes of an interruption, in silence
            typer.echo(_STOPPED, err=True)
        raise
