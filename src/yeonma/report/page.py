"""One self-contained HTML page about runs or a comparison: it needs no network and nothing beside itself."""

from __future__ import annotations

from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from yeonma.errors import RunError
from yeonma.files import write_text
from yeonma.records import Finished, Progress, silent
from yeonma.report import answers, embedding, facts, scores, study, summary, training
from yeonma.report.gather import Shown, Told, gather
from yeonma.report.phrases import word
from yeonma.report.pictures import Pictures
from yeonma.run import Run


def page(shown: Shown, *, method: str = "pca", explain: int = 0, progress: Progress = silent) -> tuple[str, Pictures]:
    """The page as text, and its pictures.

    method   of the map of words: "pca", "tsne", "umap"
    explain  how many wrong and right answers of each run in detail are explained; each takes a forward pass a word
    Raises: RunError when a file of a run has another shape; MissingExtra.
    """
    from polars.exceptions import PolarsError

    pictures = Pictures()
    try:
        parts = (
            _warnings(shown),
            summary.section(shown),
            scores.section(shown),
            study.section(shown.study, pictures.show) if shown.study is not None else "",
            training.section(shown, pictures),
            embedding.section(shown, pictures, method),
            answers.section(shown, pictures, explain, progress),
            facts.data(shown),
            facts.trained(shown),
            facts.settings(shown),
        )
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, PolarsError) as error:
        raise RunError(
            f"{shown.title} holds results of another version or shape ({error!r}). Evaluate it again."
        ) from error
    return _shell(shown.title, [each for each in parts if each]), pictures


def write_page(run: Run) -> Path:
    """Write report/index.html of a run, without explained answers, which take time.

    Raises: DiskError; RunError when a file of the run has another shape.
    """
    path = run.folder / "report" / "index.html"
    write_text(path, page(gather([run.folder]))[0])
    return path


def _warnings(shown: Shown) -> str:
    """Where more is to come (a final run of a comparison that failed is a result), and where files are not whole."""
    states = {told.name: told.run.status().get("state") for told in shown.runs}
    finished = shown.study["complete"] if shown.study is not None else {*states.values()} == {"done"}
    said = [] if finished else [word("unfinished")]
    said += [word("broken_off", name=told.name) for told in shown.runs if states[told.name] == "done" and _cut(told)]
    said += [word("left_out", reason=reason) for reason in shown.left_out]
    return "".join(f"<p class=warn>{each}</p>" for each in said)


def _cut(told: Told) -> bool:
    return not any(isinstance(event, Finished) for event in told.run.events())


def _shell(title: str, parts: list[str]) -> str:
    assets = {
        kind: (resources.files("yeonma.report") / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")
    }
    body = "".join(f"<section>{each}</section>" for each in parts)
    template = (resources.files("yeonma.report") / "page.html").read_text(encoding="utf-8")
    phrases = {key: word(key) for key in ("theme_auto", "theme_light", "theme_dark", "page_foot")}
    return Template(template).substitute({**assets, **phrases, "title": escape(title), "body": body})
