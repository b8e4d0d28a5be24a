"""What run folders show, as tables and as a page: it reads runs and never trains."""

from yeonma.report.page import write_page
from yeonma.report.report import Report

__all__ = ["Report", "write_page"]
