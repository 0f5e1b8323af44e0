"""Figures as files and as part of a page, byte for byte the same whenever they are drawn again."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
from lxml import etree
from matplotlib.figure import Figure

from secondlook.files import replace_bytes
from secondlook.report.style import SETTINGS

__all__ = ["save", "svg_text"]

_RESOLUTION = 300.0
_LONGEST = 60_000.0  # pixels; the rasteriser stops a little above
_SVG = "{http://www.w3.org/2000/svg}"
_SCREEN = 1.65  # pixels of a screen for a point: 8 points of text are 13 pixels high
_NO_CLOCK: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, ...]:
    """Write a figure as SVG, PDF and PNG.

    Parameters
    ----------
    figure
        Its label becomes the title in the metadata of the files.
    folder
        Made when it is not there.
    name
        Of the files, without their endings.

    Returns
    -------
    tuple of Path
        ``name.svg``, ``name.pdf``, ``name.png``, each either as it was before or complete.

    Notes
    -----
    No date, user or program is written into a file, so that a change of a file is a change of the
    figure.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in save(Figure(), Path(folder), "empty")]
    ['empty.svg', 'empty.pdf', 'empty.png']
    """
    return tuple(
        replace_bytes(folder / f"{name}.{ending}", _rendered(figure, ending))
        for ending in _NO_CLOCK
    )


def svg_text(svg: bytes, *, name: str, title: str, description: str) -> str:
    """Give a figure as an ``<svg>`` element to stand in an HTML page.

    Parameters
    ----------
    svg
        The figure as :func:`save` wrote it.
    name
        A word no other figure of the page has: it begins every id of this one.
    title, description
        What somebody hears who cannot see it. The letters of the figure are outlines (see
        :data:`secondlook.report.style.SETTINGS`), so this is all there is to hear.

    Returns
    -------
    str
        Without prolog; as wide as the page allows, up to the size at which text is easily read.

    Examples
    --------
    >>> drawn = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" width="9" height="9"/>'
    >>> svg_text(drawn, name="a", title="Nothing", description="")[:5]
    '<svg '
    """
    root = etree.fromstring(svg)
    for metadata in root.findall(f"{_SVG}metadata"):
        root.remove(metadata)
    prefix = "figure-" + re.sub(r"[^A-Za-z0-9_-]+", "-", name) + "-"
    for element in root.iter(etree.Element):
        for key, value in element.attrib.items():
            element.set(key, _prefixed(str(key), str(value), prefix))
    wide = float(root.get("viewBox", "0 0 0 0").split()[2])
    for size in ("width", "height"):
        del root.attrib[size]
    root.set("style", f"width:100%;max-width:{_SCREEN * wide:.0f}px;height:auto")
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}title {prefix}description")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        spoken = etree.Element(f"{_SVG}{tag}")
        spoken.set("id", prefix + ("title" if tag == "title" else "description"))
        # control characters cannot stand in XML
        spoken.text = "".join(c if c.isprintable() else " " for c in text)
        root.insert(place, spoken)
    return etree.tostring(root, encoding="unicode")


def _prefixed(key: str, value: str, prefix: str) -> str:
    if key == "id":
        return prefix + value
    if key.endswith("href") and value.startswith("#"):
        return f"#{prefix}{value[1:]}"
    return value.replace("url(#", f"url(#{prefix}")


def _rendered(figure: Figure, ending: str) -> bytes:
    stream = io.BytesIO()
    longest = max(float(size) for size in figure.get_size_inches())
    metadata = {**_NO_CLOCK[ending], "Title": str(figure.get_label())}
    with mpl.rc_context(SETTINGS):
        figure.savefig(
            stream,
            format=ending,
            dpi=min(_RESOLUTION, _LONGEST / longest),
            metadata=metadata,
        )
    return stream.getvalue()
