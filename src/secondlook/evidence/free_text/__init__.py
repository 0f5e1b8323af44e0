"""Running text: the printed numeric statements in it, and every number that was not read."""

from secondlook.evidence.free_text.article import article_text
from secondlook.evidence.free_text.as_findings import to_findings
from secondlook.evidence.free_text.reading import read_text
from secondlook.evidence.free_text.statement import KINDS, Skipped, Statement, TextReading
from secondlook.evidence.free_text.unassigned import text_evidence

__all__ = [
    "KINDS",
    "Skipped",
    "Statement",
    "TextReading",
    "article_text",
    "read_text",
    "text_evidence",
    "to_findings",
]
