"""The running text of a file: plain text as it is, an article in JATS XML as it is read."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from secondlook.errors import EvidenceError, Problem
from secondlook.evidence.delimited import decode, read_bytes
from secondlook.evidence.untrusted_xml import untrusted_parser

__all__ = ["article_text"]

_BLOCKS = {
    "p", "title", "article-title", "sec", "abstract", "disp-quote", "list-item", "caption", "fn",
    "def-item", "disp-formula", "boxed-text", "subtitle",
}  # fmt: skip
_UNREAD = {"table-wrap", "ref-list", "tex-math", "graphic", "inline-graphic", "object-id", "math"}
_PARTS = ("article-title", "subtitle", "abstract", "body", "ack", "app-group")
_RAISED = str.maketrans("0123456789+-−–,", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻,")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def article_text(path: Path) -> str:
    """Take the running text out of a file.

    Parameters
    ----------
    path
        A text file in any common encoding, or an article in JATS XML (``.xml``, ``.nxml``).

    Returns
    -------
    str
        The text; spans of a reading count its characters. Of an article: titles, abstract and
        body with an empty line between paragraphs, raised and lowered digits and cited numbers as
        the characters for them (``⁵``); its tables are for the table reader, and its list of
        references is left out.

    Raises
    ------
    EvidenceError
        When the file is missing, is not text or not well-formed, or defines entities of its own.
        Nothing outside the file is loaded.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "article.xml")
    ...     _ = path.write_text("<article><body><p>Alive<sup>3</sup>: 7 of 9.</p></body></article>")
    ...     article_text(path)
    'Alive³: 7 of 9.'
    """
    data = read_bytes(path)
    if path.suffix.lower() not in (".xml", ".nxml"):
        return decode(data, path.name)
    try:
        root = etree.fromstring(data, untrusted_parser())
    except etree.XMLSyntaxError as error:
        rule = f"is not well-formed ({' '.join(str(error.msg).split())[:100]})"
        remedy = "download it again, or save its text as a .txt file"
        raise EvidenceError(Problem(path.name, None, rule, remedy)) from error
    parts = [part for part in root.iter() if _name(part) in _PARTS and not _is_within_a_part(part)]
    raw = "".join(piece for part in parts or [root] for piece in _block(part, path.name))
    lines = (re.sub(r"[ \t\r\n\f]+", " ", line).strip(" ") for line in raw.split("\x01"))
    return "\n\n".join(line for line in lines if line)


def _is_within_a_part(part: Any) -> bool:
    return any(_name(above) in (*_PARTS, *_UNREAD) for above in part.iterancestors())


def _name(element: Any) -> str:
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def _block(element: Any, file: str) -> Iterator[str]:
    # no XML holds this character, so it can stand for the end of a paragraph
    yield "\x01"
    yield from _pieces(element, file)
    yield "\x01"


def _pieces(element: Any, file: str) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        name = _name(child)
        if child.tag is etree.Entity:
            yield _entity(child, file)
        elif name in _BLOCKS:
            yield from _block(child, file)
        elif name == "sub":
            yield "".join(_pieces(child, file)).translate(_LOWERED)
        elif name == "sup" or (name == "xref" and child.get("ref-type") == "bibr"):
            yield _raised("".join(_pieces(child, file)))
        elif name not in _UNREAD:
            yield from _pieces(child, file)
        yield child.tail or ""


def _raised(printed: str) -> str:
    # "Adam 2006" is a citation that is read as words
    return printed if re.search(r"[^\W\d_]{2}", printed) else printed.translate(_RAISED)


def _entity(node: Any, file: str) -> str:
    character = html.unescape(node.text)
    if character == node.text:
        rule = "is an entity that the file defines for itself and that is not replaced"
        where = f"{file}, line {node.sourceline}"
        raise EvidenceError(Problem(where, node.text, rule, "write what it stands for"))
    return character
