"""The report: the only package that draws."""

from secondlook.report.contents import Contents
from secondlook.report.document import audit_page, write_report

__all__ = ["Contents", "audit_page", "write_report"]
