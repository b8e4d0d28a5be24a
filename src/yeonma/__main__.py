"""python -m yeonma: the command line."""

from yeonma.cli import main

main()
