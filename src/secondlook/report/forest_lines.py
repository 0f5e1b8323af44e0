"""What a forest plot says, line by line, before anything is placed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from secondlook.report.numerals import number, p_text, plural
from secondlook.synthesis import AnalysisResult, Interval, Row
from secondlook.synthesis.result import Pooled
from secondlook.synthesis.selection import Arm

__all__ = ["ForestLine", "axis_label", "directions", "footnotes", "forest_lines", "statistics"]

Kind = Literal["heading", "study", "subtotal", "pooled", "prediction"]
Mark = Literal["", "square", "dot", "unsized", "hollow"]

_ENDPOINTS = {
    "OS": "overall survival",
    "DFS": "disease-free survival",
    "PFS": "progression-free survival",
    "RFS": "recurrence-free survival",
}
_NO_BREAK = "\u00a0"
_TESTS = {
    "hksj": "Hartung-Knapp interval, variance factor at least 1",
    "hksj-unguarded": "Hartung-Knapp interval",
    "t": "interval from the t distribution",
    "z": "interval from the normal distribution",
}
_MARKS: dict[Mark, str] = {
    "square": "square: area proportional to weight, with 95 % interval",
    "dot": "dot: a median, area proportional to the number of patients",
    "unsized": "cross: a median of an unprinted number of patients",
    "hollow": "hollow diamond: a mean",
}
_SIGNS = "†‡§¶‖#"


@dataclass(frozen=True, slots=True)
class ForestLine:
    """One line of a forest plot.

    Attributes
    ----------
    kind
        What it is a line of.
    label, n, printed, estimate, weight
        The texts of its columns.
    reason
        Why a study is not pooled, in place of estimate and weight.
    shown
        What is drawn: an estimate with its interval, or for medians the number three times.
    size
        Weight in percent, or number of patients: the area of its mark is proportional to it.
    mark
        The mark at the estimate.
    bound
        ``>`` or ``<`` when the number is printed as a bound.
    indented
        True within the section of a subgroup.
    """

    kind: Kind
    label: str
    n: str = ""
    printed: str = ""
    estimate: str = ""
    weight: str = ""
    reason: str = ""
    shown: Interval | None = None
    size: float = 0.0
    mark: Mark = ""
    bound: str = ""
    indented: bool = False


def forest_lines(result: AnalysisResult) -> tuple[ForestLine, ...]:
    """Put every study that was looked at on a line, then what they add up to.

    With subgroups there is a section for each of them, in the order of the result; a section of
    studies of which none is pooled comes after those.
    """
    signs = _signs(result.rows)
    lines: list[ForestLine] = []
    for name, rows in _sections(result):
        if name:
            lines.append(ForestLine("heading", name))
        inside = [_study(row, result, signs) for row in rows] + _subtotals(result, name, rows)
        lines.extend(replace(line, indented=bool(name)) for line in inside)
    if result.pooled is not None and result.shown is not None:
        lines.append(
            ForestLine(
                "pooled",
                f"Pooled (k = {result.pooled.k})" if result.pooled.k > 1 else "One study",
                n=_patients(result.pooled_rows),
                estimate=_interval(result.shown, result.unit),
                weight=_one_decimal(sum(result.pooled.weights)),
                shown=result.shown,
            )
        )
    if result.prediction is not None:
        low, high = result.prediction
        ends = f"[{_value(low, result.unit)}, {_value(high, result.unit)}]"
        label = "Prediction interval"
        shown = Interval(low, low, high)
        lines.append(ForestLine("prediction", label, estimate=ends, shown=shown))
    return tuple(lines)


def _sections(result: AnalysisResult) -> list[tuple[str, list[Row]]]:
    if not result.subgroups:
        return [("", list(result.rows))]
    named: dict[str, list[Row]] = {group.name: [] for group in result.subgroups}
    for row in result.rows:
        value = getattr(row.study, result.analysis.subgroup) or "not stated"
        named.setdefault(value, []).append(row)
    return list(named.items())


def _subtotals(result: AnalysisResult, name: str, rows: Sequence[Row]) -> list[ForestLine]:
    found = []
    for group in result.subgroups:
        if group.name == name:
            i2 = group.pooled.i2
            spread = "" if i2 is None else f"I² = {i2:.0f} %"
            inside = [row for row in rows if row.weight is not None]
            share = sum(row.weight for row in inside if row.weight is not None)
            found.append(
                ForestLine(
                    "subtotal",
                    f"Subtotal (k = {group.k})",
                    n=_patients(inside),
                    printed=spread,
                    estimate=_interval(group.shown, result.unit),
                    weight=_one_decimal(share),
                    shown=group.shown,
                )
            )
    return found


def _study(row: Row, result: AnalysisResult, signs: tuple[str, str]) -> ForestLine:
    line = ForestLine(
        "study",
        row.study.label or row.study.key,
        n=" / ".join(_count(arm.n) for arm in row.arms),
        printed=_printed(row.arms, signs),
        reason=row.reason,
    )
    if result.analysis.effect == "median":
        return _median(line, row)
    if row.shown is None or row.weight is None:
        return line
    return replace(
        line,
        estimate=_interval(row.shown, result.unit),
        weight=_one_decimal(row.weight),
        shown=row.shown,
        size=row.weight,
        mark="square",
    )


def _median(line: ForestLine, row: Row) -> ForestLine:
    arm = row.arms[0] if row.arms else None
    if arm is None or arm.value is None:
        return line
    finding = arm.findings[0] if arm.findings else None
    mean = finding is not None and finding.statistic == "mean"
    mark: Mark = "hollow" if mean else "dot" if arm.n else "unsized"
    return replace(
        line,
        shown=Interval(arm.value, arm.value, arm.value),
        size=arm.n or 0.0,
        mark=mark,
        bound="" if finding is None else finding.value.relation[:1].strip("=~"),
    )


def _printed(arms: Sequence[Arm], signs: tuple[str, str]) -> str:
    texts = []
    for arm in arms:
        text = arm.printed.strip() or "–"
        text += f" {signs[0]}" if arm.derived else ""
        texts.append(text + (f" {signs[1]}" if arm.from_figure else ""))
    return " vs ".join(texts)


def _signs(rows: Iterable[Row]) -> tuple[str, str]:
    """Two footnote signs that no printed string uses itself."""
    taken = "".join(arm.printed for row in rows for arm in row.arms)
    free = [sign for sign in _SIGNS if sign not in taken]
    return (free[0], free[1]) if len(free) > 1 else ("(derived)", "(estimated)")


def _patients(rows: Sequence[Row]) -> str:
    """Sum of the patients of each arm; empty where one of the numbers is not known."""
    arms = [[row.arms[place].n for row in rows] for place in range(len(rows[0].arms))]
    known = [[n for n in counts if n is not None] for counts in arms]
    if any(len(counts) < len(rows) for counts in known):
        return ""
    return " / ".join(_count(sum(counts)) for counts in known)


def _count(n: float | None) -> str:
    if n is None:
        return "–"
    return f"{n:,.0f}" if n == round(n) else f"{n:,.1f}"


def _interval(interval: Interval, unit: str) -> str:
    low, high = _value(interval.low, unit), _value(interval.high, unit)
    return f"{_value(interval.estimate, unit)} [{low}, {high}]"


def _value(value: float, unit: str) -> str:
    if unit != "hazard ratio":
        return _one_decimal(value)
    # two decimals of a ratio that is far from 1 would be all zeros, or longer than the column
    return "<0.01" if value < 0.005 else ">999" if value > 999 else number(value)


def _one_decimal(value: float) -> str:
    return number(value, " ").strip()


def axis_label(result: AnalysisResult) -> str:
    """Name what is on the axis, with its unit.

    Examples
    --------
    >>> import secondlook as sl
    >>> review = sl.example("stage-iv-breast")
    >>> plan = review.question.analysis("hepatic-5-year-survival")
    >>> axis_label(sl.synthesis.analyse(review.evidence, plan))
    '5-year overall survival (%)'
    """
    analysis = result.analysis
    endpoint = _ENDPOINTS.get(analysis.endpoint, analysis.endpoint)
    times = " or ".join(_time(months) for months in analysis.months)
    at_time = f"{times} {endpoint}".strip()
    return {
        "survival": f"{at_time[:1].upper()}{at_time[1:]} (%)",
        "survival_difference": f"Difference in {at_time} (percentage points)",
        "hazard_ratio_from_survival": f"Hazard ratio implied by {at_time} (logarithmic axis)",
        "hazard_ratio": f"Hazard ratio, {endpoint} (logarithmic axis)",
        "median": f"Median {endpoint} (months)",
    }[analysis.effect]


def _time(months: float) -> str:
    return f"{months / 12:g}-year" if months % 12 == 0 else f"{months:g}-month"


def directions(result: AnalysisResult) -> tuple[str, str] | None:
    """Say what the two sides of the null line mean; None where nothing is compared."""
    analysis = result.analysis
    if result.null is None:
        return None
    what = "longer survival" if analysis.endpoint == "OS" else f"longer {analysis.endpoint}"
    cohort, comparator = f"{what} with {analysis.cohort}", f"{what} with {analysis.comparator}"
    return (cohort, comparator) if result.unit == "hazard ratio" else (comparator, cohort)


def statistics(result: AnalysisResult) -> str:
    """Give the line under the plot: the model, how many studies, and how much they differ."""
    pooled = result.pooled
    if pooled is None:
        return f"Not pooled: {result.not_estimable}."
    common = pooled.method == "common"
    if pooled.k == 1:
        alone = "its estimate stands alone, and how much studies differ cannot be said"
        return f"One study of {len(result.rows)} looked at can be used: {alone}."
    model = "Common effect" if common else f"Random effects ({pooled.method})"
    parts = [f"{model}: {plural(pooled.k, 'study', 'studies')} of {len(result.rows)} looked at"]
    if pooled.tau2 is not None and not common:
        parts.append(f"τ² = {_variance(pooled.tau2)}{_ends(pooled.tau2_interval, _variance)}")
    if pooled.i2 is not None:
        parts.append(f"I² = {pooled.i2:.0f} %{_ends(pooled.i2_interval, _whole)}")
    if pooled.q_p_value is not None:
        q = f"Q = {pooled.q:.1f} on {pooled.q_degrees_of_freedom} df, {p_text(pooled.q_p_value)}"
        parts.append(q)
    # no line may end within "P = 0.047"
    whole = "; ".join(part.replace(" ", _NO_BREAK) for part in parts[1:])
    return f"{parts[0]}; {whole}.\n{_method(result, pooled)}."


def _method(result: AnalysisResult, pooled: Pooled) -> str:
    scales = {
        "survival": f"on the {result.analysis.transform} scale",
        "survival_difference": "as differences of proportions",
    }
    scale = scales.get(result.analysis.effect, "as logarithms of hazard ratios")
    sentence = f"Pooled {scale}; {_TESTS[pooled.test]}"
    if result.null is not None and pooled.p_value is not None and pooled.statistic is not None:
        letter = "z" if pooled.degrees_of_freedom is None else "t"
        df = "" if pooled.degrees_of_freedom is None else f" on {pooled.degrees_of_freedom} df"
        value = f"{pooled.statistic:.2f}".replace("-", "−")
        test = f"{letter} = {value}{df}, {p_text(pooled.p_value)}".replace(" ", _NO_BREAK)
        sentence += f"; test of no difference: {test}"
    return sentence


def _ends(interval: tuple[float, float] | None, text: Callable[[float], str]) -> str:
    return "" if interval is None else f" [{text(interval[0])}, {text(interval[1])}]"


def _variance(value: float) -> str:
    """Three digits that count, never a power of ten."""
    if 0 < value < 0.0001:
        return "<0.0001"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _whole(value: float) -> str:
    return f"{value:.0f}"


def footnotes(result: AnalysisResult, lines: Sequence[ForestLine], *, cut: bool) -> tuple[str, ...]:
    """Explain the marks, the order of two arms, and every number that no cell prints.

    Parameters
    ----------
    result, lines
        What is shown.
    cut
        True when an interval runs off the axis.
    """
    notes = []
    explained = [sentence for mark, sentence in _MARKS.items() if mark in {m.mark for m in lines}]
    if result.pooled is not None:
        explained.append("diamond: pooled estimate with its interval")
    if result.prediction is not None:
        explained.append("bar: prediction interval")
    if cut:
        explained.append("arrow: the interval goes on")
    if any(line.bound for line in lines):
        explained.append("arrow: printed as a bound")
    if explained:
        sentence = "; ".join(explained)
        notes.append(f"{sentence[0].upper()}{sentence[1:]}.")
    if any(len(row.arms) > 1 for row in result.rows):
        analysis = result.analysis
        notes.append(f"Two numbers: {analysis.cohort} first, then {analysis.comparator}.")
    derived, estimated = _signs(result.rows)
    for row in result.rows:
        label = row.study.label or row.study.key
        notes.extend(f"{derived} {label}: {arm.derived}." for arm in row.arms if arm.derived)
    figures = [
        row.study.label or row.study.key
        for row in result.rows
        if any(arm.from_figure for arm in row.arms)
    ]
    if figures:
        said = "not printed by the study but estimated from its data by the review"
        notes.append(f"{estimated} {said}: {', '.join(figures)}.")
    return tuple(notes)
