"""Task shapes. One file each; `yeonma.plugins` knows them by name."""

from yeonma.tasks.task import Task

__all__ = ["Task"]
