"""What a run folder shows: it reads runs and never trains."""

from yeonma.report.page import all_scores, write_page

__all__ = ["all_scores", "write_page"]
