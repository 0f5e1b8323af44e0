"""One simulated series as a paper's tables print it, complete or sparse, before rounding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
from scipy.special import ndtri
from validation.audit.patients import Curve, Patients, draw
from validation.audit.printing import Raw, Style
from validation.audit.ratios import Ratio, odds_ratio, ratio, two_by_two

from secondlook.evidence import ENTIRE

__all__ = ["OTHERS", "TREATED", "Detail", "series"]

Detail = Literal["complete", "sparse"]
Curves = dict[str, dict[str, Curve]]
TREATED, OTHERS = "surgery", "no surgery"


def _sizes(one: Patients, *, detail: Detail) -> Iterator[Raw]:
    n, ours = len(one.treated), int(one.treated.sum())
    parts = [(TREATED, ours, n), (OTHERS, n - ours, n)]
    parts += [(f"R{k}", int((one.margin[one.treated] == k).sum()), ours) for k in range(3)]
    whole = Raw(
        cohort=ENTIRE,
        endpoint="patients",
        statistic="count",
        kind="count",
        value=n,
        place="Table 1",
        column="patients",
    )
    yield whole
    for name, part, base in parts:
        yield replace(whole, cohort=name, value=part, column=name)
        if name != OTHERS or detail == "complete":
            yield replace(
                whole,
                cohort=name,
                statistic="percent",
                kind="percent",
                value=100 * part / base,
                column=f"{name} (%)",
            )


def _traits(one: Patients, style: Style) -> Iterator[Raw]:
    for k, trait in enumerate(one.traits):
        groups = trait[one.treated], trait[~one.treated]
        p = two_by_two(*groups, style.two_by_two)
        for name, group in zip((TREATED, OTHERS), groups, strict=True):
            # a percent is printed with its count, or once in a while alone
            alone = k == 1 and style.after
            yield Raw(
                cohort=name,
                endpoint=("node-positive", "high grade")[k],
                statistic="percent",
                kind="percent",
                value=100 * int(group.sum()) / len(group),
                events=None if alone else int(group.sum()),
                n=len(group),
                p=p if name == TREATED else None,
                comparator=OTHERS if name == TREATED else "",
                place="Table 1",
                column=f"trait {k + 1}, {name}",
            )


def _rates(
    cohort: str, curves: dict[str, Curve], style: Style, times: Iterable[tuple[str, int]]
) -> Iterator[Raw]:
    for endpoint, t in times:
        curve = curves[endpoint]
        if t > curve.end:  # not followed so long
            continue
        limits = curve.limits(t, style.method, float(ndtri(0.5 + style.level / 200)))
        yield Raw(
            cohort=cohort,
            endpoint=endpoint,
            statistic="survival",
            kind="percent",
            months=t,
            value=100 * curve.at(t)[0],
            low=100 * limits[0] if limits else None,
            high=100 * limits[1] if limits else None,
            level=style.level if limits else None,
            place="Table 2",
            column=f"{t}-month {endpoint}, {cohort}",
        )
        if endpoint == "OS":
            yield Raw(
                cohort=cohort,
                endpoint=endpoint,
                statistic="at_risk",
                kind="count",
                months=t,
                value=curve.at_risk(t, after=style.after),
                place="Table 2",
                column=f"at risk at {t}, {cohort}",
            )


def _median(cohort: str, endpoint: str, value: float | None) -> Raw:
    return Raw(
        cohort=cohort,
        endpoint=endpoint,
        statistic="median",
        kind="months",
        value=value,
        missing="not reached",
        place="Table 2",
        column=f"median {endpoint}, {cohort}",
    )


def _curves(one: Patients) -> Curves:
    everybody = np.ones(len(one.treated), dtype=bool)
    groups = {ENTIRE: everybody, TREATED: one.treated, OTHERS: ~one.treated}
    groups |= {f"R{k}": one.treated & (one.margin == k) for k in range(3)}
    return {
        name: {
            "OS": Curve(one.death[group], one.died[group]),
            "DFS": Curve(one.relapse[group], one.relapsed[group]),
        }
        for name, group in groups.items()
        if group.any()
    }


def _survival(one: Patients, style: Style, curves: Curves) -> Iterator[Raw]:
    followed = Curve(one.death, ~one.died).median(midpoint=style.midpoint)
    length = float(np.median(one.death)) if followed is None else followed
    yield _median(ENTIRE, "follow-up", length)
    for cohort, curve in curves.items():
        for endpoint in ("DFS", "OS"):
            yield _median(cohort, endpoint, curve[endpoint].median(midpoint=style.midpoint))
        yield Raw(
            cohort=cohort,
            endpoint="OS",
            statistic="mean",
            kind="months",
            value=curve["OS"].mean(curve["OS"].end),
            place="Table 2",
            column=f"mean OS, {cohort}",
        )
        times = (("OS", 12), ("OS", 36), ("OS", 60), ("DFS", 36))
        yield from _rates(cohort, curve, style, times)


def _contrasts(one: Patients, style: Style) -> Iterator[tuple[str, str, Ratio | None]]:
    treated, trait = one.treated, one.traits[0]
    for endpoint, time, event in (
        ("OS", one.death, one.died),
        ("DFS", one.relapse, one.relapsed),
    ):
        found = ratio(time, event, treated, efron=style.efron, kind=style.kind, test=style.test)
        yield "hazard_ratio", endpoint, found
    yield "odds_ratio", "node-positive", odds_ratio(trait[treated], trait[~treated], style.odds)


def _ratios(one: Patients, style: Style) -> Iterator[Raw]:
    for statistic, endpoint, own in _contrasts(one, style):
        if own is None:
            continue
        value, low, high = (float(np.exp(end)) for end in (own.log, own.low, own.high))
        if value < 0.1 or high > 20:  # nobody prints the ratio of a handful of events
            continue
        yield Raw(
            cohort=TREATED,
            comparator=OTHERS,
            endpoint=endpoint,
            statistic=statistic,
            kind="ratio",
            value=value,
            low=low,
            high=high,
            level=95,
            p=own.p,
            events=own.events if statistic == "hazard_ratio" else None,
            place="Table 3",
            column=f"{statistic} {endpoint}",
        )


def _complete(one: Patients, style: Style, curves: Curves) -> Iterator[Raw]:
    yield from _sizes(one, detail="complete")
    yield from _traits(one, style)
    yield from _survival(one, style, curves)
    yield from _ratios(one, style)


def _sparse(
    one: Patients, style: Style, curves: Curves, random: np.random.Generator
) -> Iterator[Raw]:
    """As few numbers as a table of a review of case series, or of comparisons."""
    if random.random() < 0.6:
        yield next(_sizes(one, detail="sparse"))
        for endpoint, missing in (("DFS", 0.74), ("OS", 0.19)):
            own = curves[ENTIRE][endpoint].median(midpoint=style.midpoint)
            found = _median(ENTIRE, endpoint, own)
            unknown = random.random() < missing
            yield replace(found, value=None, missing="NR") if unknown else found
        given, times = [ENTIRE], [("OS", 60)]
    else:
        yield from _sizes(one, detail="sparse")
        given = [name for name in (ENTIRE, OTHERS, TREATED) if random.random() < 0.71]
        times = [("OS", 36)]
    for name in given:
        for raw in _rates(name, curves[name], style, times):
            if raw.statistic == "survival":
                yield replace(raw, low=None, high=None, level=None)


def _slips(
    one: Patients, style: Style, curves: Curves, raws: list[Raw]
) -> dict[tuple[str, str], str]:
    """What is printed by mistake: 4-year survival, means, follow-up, years, limits of 90 %."""
    found: dict[tuple[str, str], str] = {}
    followed = Curve(one.death, ~one.died).median(midpoint=False)
    for cohort, curve in curves.items():
        if curve["OS"].end >= 48:
            found[cohort, "48"] = str(style.number(100 * curve["OS"].at(48)[0], "percent"))
        found[cohort, "mean"] = str(style.number(curve["OS"].mean(curve["OS"].end), "months"))
        if followed is not None:
            found[cohort, "follow-up"] = str(style.number(followed, "months"))
        median = curve["OS"].median(midpoint=style.midpoint)
        if median is not None:
            found[cohort, "years"] = str(style.number(median / 12, "months"))
    for raw in raws:
        if raw.kind == "ratio" and raw.low and raw.high:
            narrower = float(ndtri(0.95) / ndtri(0.975))
            middle, half = np.log(raw.low * raw.high) / 2, np.log(raw.high / raw.low) / 2
            for name, sign in (("low", -1), ("high", 1)):
                end = float(np.exp(middle + sign * half * narrower))
                found[raw.column, name] = str(style.number(end, "ratio"))
    return found


def series(
    random: np.random.Generator, style: Style, *, detail: Detail
) -> tuple[list[Raw], dict[tuple[str, str], str]]:
    """Draw a series of 15 to 2000 patients: what is printed of it, and what might be by mistake."""
    one = draw(random, int(np.exp(random.uniform(np.log(15), np.log(2000)))))
    curves = _curves(one)
    complete = detail == "complete"
    raws = list(_complete(one, style, curves) if complete else _sparse(one, style, curves, random))
    return raws, _slips(one, style, curves, raws)
