"""Risk of bias by study and domain, as lights that can be told apart without colour."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from secondlook.evidence import BIAS_DOMAINS, BIAS_JUDGEMENTS, Study
from secondlook.report.figure_text import block
from secondlook.report.sheet import Sheet
from secondlook.report.style import BOLD, FAINT, INK, MARGIN, PAGE, RULE, SMALL

__all__ = ["traffic_light"]

_ROW = 17.0
_SIDE = 12.0
_LOOKS = {
    "low": ("#d7ecd9", "+"),
    "moderate": ("#fbf0c4", "–"),
    "serious": ("#f6c9a5", "×"),
    "critical": ("#d98880", "!"),
    "no information": ("#e6e6e6", "?"),
    "": ("white", ""),
}


def traffic_light(studies: Sequence[Study], *, title: str) -> Figure | None:
    """Draw the judgements of ROBINS-I, a row for each study that has any.

    Parameters
    ----------
    studies
        Those of an analysis or of a review.
    title
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure or None
        None where no study has been judged.

    Notes
    -----
    Sterne and others, BMJ 2016;355:i4919. The lights are the judgements of the review's authors.
    """
    judged = [s for s in studies if any(_judgement(s, domain) for domain in BIAS_DOMAINS)]
    if not judged:
        return None
    heading = block(title, face=BOLD, width=PAGE - 2 * MARGIN)
    labels = [block(s.label or s.key, face=SMALL, width=180) for s in judged]
    first = MARGIN + max(label.width for label in labels) + 12
    step = (PAGE - MARGIN - first) / len(BIAS_DOMAINS)
    heads = [block(domain.capitalize(), face=SMALL, width=step - 3) for domain in BIAS_DOMAINS]
    rows = [max(_ROW, label.height + 4) for label in labels]
    top = MARGIN + heading.height + 10 + max(head.height for head in heads) + 5
    sheet = Sheet(PAGE, top + sum(rows) + 12 + _SIDE + 2 * MARGIN, title)
    sheet.text(heading, MARGIN, MARGIN, name="heading")
    for place, head in enumerate(heads):
        sheet.text(head, first + step * (place + 0.5), top - 5 - head.height, align="center")
    y = top
    for study, label, height in zip(judged, labels, rows, strict=True):
        sheet.line([(MARGIN, y), (PAGE - MARGIN, y)], colour=RULE, thick=0.4)
        sheet.text(label, MARGIN, y + (height - label.height) / 2)
        for place, domain in enumerate(BIAS_DOMAINS):
            left = first + step * (place + 0.5) - _SIDE / 2
            name = f"light-{study.key}-{domain}"
            _light(sheet, _judgement(study, domain), left, y + (height - _SIDE) / 2, name)
        y += height
    _key(sheet, y + 10)
    return sheet.figure


def _judgement(study: Study, domain: str) -> str:
    return str(getattr(study, f"bias_{domain}"))


def _light(sheet: Sheet, judgement: str, left: float, top: float, name: str) -> None:
    fill, sign = _LOOKS[judgement]
    sheet.rectangle(left, top, _SIDE, _SIDE, fill=fill, edge=RULE, thick=0.6, name=name)
    if sign:
        written = block(sign, face=BOLD)
        sheet.text(
            written,
            left + _SIDE / 2,
            top + (_SIDE - written.height) / 2,
            align="center",
            colour=INK,
        )


def _key(sheet: Sheet, top: float) -> None:
    left = MARGIN
    for judgement in BIAS_JUDGEMENTS:
        words = block(judgement, face=SMALL)
        _light(sheet, judgement, left, top, f"key-{judgement.replace(' ', '-')}")
        sheet.text(words, left + _SIDE + 4, top + (_SIDE - words.height) / 2, colour=FAINT)
        left += _SIDE + 4 + words.width + 14
