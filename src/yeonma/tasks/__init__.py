"""Task shapes. One file each; `yeonma.plugins` knows them by name."""

from yeonma.tasks.task import IGNORED, Target, Task

__all__ = ["IGNORED", "Target", "Task"]
