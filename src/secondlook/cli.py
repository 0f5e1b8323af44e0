"""The command line: ``secondlook demo | new | extract | show | pool | report``.

Exit status: 0 when it was done, 2 when there is something the user can mend, 130 when interrupted.
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from secondlook.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

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
    console.print(f"Made {directory}")
    if not source:
        console.print(
            "Next:\n"
            f"  1. say what is asked in {directory / 'review.toml'}\n"
            f"  2. fill in studies.csv and findings.csv in {directory / 'evidence'},\n"
            "     and cohorts.csv where a study has arms or subgroups\n"
            f"     ({directory / 'README.md'} explains every column)\n"
            f"  3. secondlook report {directory}",
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
    page = review.run(target, lambda stage: console.print(f"  {stage}", soft_wrap=True))
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
        frame = frame.filter(frame[column] == study) if column else frame
    filled = [name for name in frame.columns if any(frame[name].to_list())]
    table = Table(title=f"{part.value}: {frame.height}", show_lines=False)
    for name in filled:
        table.add_column(name, overflow="fold")
    for row in frame.select(filled).iter_rows():
        table.add_row(*(_plain(cell) for cell in row))
    # a pipe or a file has no width to fold at
    console = Console(width=None if sys.stdout.isatty() else 250)
    console.print(table)


def _plain(cell: str) -> str:
    return cell.replace("[", "\\[")


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
    from secondlook.synthesis import analyse

    review = _open(directory)
    if not analysis:
        for plan in review.question.analyses:
            typer.echo(f"{plan.id}\n    {plan.title}")
        if not review.question.analyses:
            typer.echo("No analysis is planned yet: add an [[analyses]] block to review.toml.")
        return
    result = analyse(review.evidence, review.question.analysis(analysis))
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=1, ensure_ascii=False))
        return
    typer.echo(str(result))
    if leave_one_out:
        typer.echo("")
        few = "Leaving one study out needs three studies or more."
        typer.echo(few if result.left_out is None else str(result.left_out))


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

    consequences: dict[int, list[dict[str, Any]]] = {}
    if table is not None or text is not None:
        if prepare:
            rule = "needs the folder of a review"
            raise InputError(Problem("--prepare", None, rule, "leave out --table and --text"))
        evidence, remarks = _bare(table, column_map, text)
        for remark in remarks:
            typer.echo(remark, err=True)
        found = ask(evidence)
    else:
        review = _open(directory)
        found = review.audit(_progress(len(review.evidence.studies)))
        if style in (Format.JSON, Format.TABLE):
            for one in review.consequences(found):
                position = found.discrepancies.index(one.discrepancy)
                consequences.setdefault(position, []).append(one.to_dict())
    if style is Format.HTML:
        from secondlook.report import audit_page

        typer.echo(audit_page(found, evidence if table or text else review.evidence))
    else:
        typer.echo(printed(found, style.value, consequences), nl=False)
    if prepare:
        typer.echo(f"{review.prepare_decisions(found)} added to evidence/audit.csv", err=True)
    if found.open(Severity.ERROR) and not exit_zero:
        raise typer.Exit(1)


def _bare(
    table: Path | None, column_map: Path | None, text: Path | None
) -> tuple[Evidence, tuple[str, ...]]:
    if table is not None:
        from secondlook.evidence.tables import bare_evidence

        return bare_evidence(table, column_map)
    from secondlook.evidence.free_text import text_evidence

    return text_evidence(text or Path())


def _progress(studies: int) -> Callable[[int, int], None] | None:
    """A bar on the terminal for an audit that takes more than a moment."""
    if studies < 500 or not sys.stderr.isatty():
        return None
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("Auditing", total=studies)
    bar.start()

    def advance(done: int, total: int) -> None:
        bar.update(task, completed=done)
        if done == total:
            bar.stop()

    return advance


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


def main() -> None:
    """Run the program; what the user can mend is one line for each problem, never a traceback."""
    try:
        app()
    except InputError as error:
        for problem in error.problems:
            typer.echo(f"secondlook: {problem}", err=True)
        sys.exit(2)
    except OSError as error:
        name, reason = error.filename or "output", error.strerror or type(error).__name__
        typer.echo(
            f"secondlook: {name}: cannot be written ({reason}); choose a place with --out", err=True
        )
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("secondlook: stopped; every file is as it was or complete", err=True)
        sys.exit(130)
