"""The report: the only package that draws."""

from secondlook.report.contents import Contents
from secondlook.report.document import write_report

__all__ = ["Contents", "forest", "harvest", "write_report"]
