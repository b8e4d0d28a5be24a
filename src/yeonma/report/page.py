"""One self-contained HTML page about a run: scores, curves, data, settings. No network, no script."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from yeonma.errors import RunError
from yeonma.files import write_text
from yeonma.records import Evaluated, Stepped
from yeonma.report.curves import chart
from yeonma.run import Run
from yeonma.tasks.scores.names import NAMES, baseline, classes, figures


@cache
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads((resources.files("yeonma.report") / "words.toml").read_text(encoding="utf-8"))


def word(key: str) -> str:
    """A phrase in both languages; the page's switch shows one."""
    both = _words()[key]
    return f'<span lang="en">{escape(both["en"])}</span><span lang="ko">{escape(both["ko"])}</span>'


def write_page(run: Run) -> Path:
    """Write report/index.html of a run.

    Raises: DiskError; RunError when a file of the run has another shape.
    """
    path = run.folder / "report" / "index.html"
    try:
        text = page(run)
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{run.folder} holds results of another version or shape ({error!r}). Evaluate it again."
        ) from error
    write_text(path, text)
    return path


def page(run: Run) -> str:
    """The page as text."""
    shown = all_scores(run)
    parts = [
        f"<h1>{escape(run.folder.name)} · {word('title')}</h1>",
        "" if run.status().get("state") == "done" else f"<p class=warn>{word('unfinished')}</p>",
        f"<h2>{word('scores')}</h2>{_score_table(shown)}<p>{word('validation_note')}</p>",
        *(_details(name, scores) for name, scores in shown.items()),
        f"<h2>{word('curves')}</h2>{_curves(run)}",
        f"<h2>{word('data')}</h2>{_data(run)}",
        _groups(run),
        f"<h2>{word('settings')}</h2><pre>{escape((run.folder / 'config.toml').read_text(encoding='utf-8'))}</pre>",
        f"<h2>{word('command')}</h2><pre>{escape(json.dumps(run.read('env.json'), indent=1, ensure_ascii=False))}"
        "</pre>",
    ]
    return _shell(escape(run.folder.name), "\n".join(parts))


def all_scores(run: Run) -> dict[str, Mapping[str, Any]]:
    """The best validation scores of the loop, then every evaluation since, by name."""
    best = [e for e in run.events() if isinstance(e, Evaluated) and e.best]
    return {**({"validation": best[-1].scores} if best else {}), **run.scores()}


def _score_table(shown: Mapping[str, Mapping[str, Any]]) -> str:
    names = [name for name in NAMES if any(name in figures(scores) for scores in shown.values())]
    beside = any(baseline(scores) for scores in shown.values())
    head = [word("split"), word("examples"), *(word(name) for name in names), *[word("majority")] * beside]
    rows = [
        [escape(split), f"{scores['n']:,}", *(f"{scores[name]:.4f}" if name in scores else "–" for name in names)]
        + [f"{majority[1]:.4f}" if (majority := baseline(scores)) else "–"] * beside
        for split, scores in shown.items()
    ]
    return _table(head, rows)


def _details(name: str, scores: Mapping[str, Any]) -> str:
    """Scores by class or type of entity, and the confusion matrix, where there are some."""
    fields = ("precision", "recall", "f1", "support")
    per_class = [
        [escape(label), *(f"{row[f]:.4f}" if f != "support" else f"{row[f]:,}" for f in fields)]
        for label, row in classes(scores).items()
    ]
    if not per_class:
        return ""
    head = [word("label"), *(word(f if f != "f1" else "class_f1") for f in fields)]
    return (
        f"<details><summary>{escape(name)}</summary><h3>{word('per_class')}</h3>"
        f"{_table(head, per_class)}{_confusion(scores)}</details>"
    )


def _confusion(scores: Mapping[str, Any]) -> str:
    if "confusion" not in scores:
        return ""
    labels, table = scores["confusion"]["labels"], scores["confusion"]["rows_gold_columns_predicted"]
    counts = [[escape(label), *(f"{n:,}" for n in row)] for label, row in zip(labels, table, strict=True)]
    return f"<h3>{word('confusion')}</h3>{_table(['', *map(escape, labels)], counts)}"


def _curves(run: Run) -> str:
    events = list(run.events())
    steps = [e for e in events if isinstance(e, Stepped)]
    scored = [e for e in events if isinstance(e, Evaluated)]
    at, scored_at = [e.step for e in steps], [e.step for e in scored]
    return "".join(
        (
            chart("loss", "step", [("training", at, [e.loss for e in steps])]),
            chart("validation", "step", [(k, scored_at, [e.scores[k] for e in scored]) for k in _drawn(scored)]),
            chart("learning rate", "step", [("learning rate", at, [e.learning_rate for e in steps])]),
            chart("gradient norm", "step", [("before clipping", at, [e.grad_norm for e in steps])]),
        )
    )


def _drawn(scored: Sequence[Evaluated]) -> list[str]:
    """The score that chooses between models, and the one that follows it."""
    if not scored:
        return []
    return [scored[0].metric, *(name for name in figures(scored[0].scores) if name != scored[0].metric)][:2]


def _data(run: Run) -> str:
    data, facts = run.read("data.json"), run.read("coverage.json")
    rows = [
        [escape(split), f"{n:,} · {escape(data['sources'].get(split, ''))}"]
        for split, n in data.get("examples", {}).items()
    ]
    rows.append([word("rejected"), f"{data.get('rejected', 0):,}"])
    if "known_types" in facts:
        rows.append([word("known_types"), f"{facts['known_types']:,} / {facts['types']:,}"])
        rows.append([word("known_tokens"), f"{facts['known_tokens']:,} / {facts['tokens']:,}"])
        rows.append([word("unknown"), escape(" ".join(facts["unknown"]))])
    if "truncated" in facts:
        rows.append([word("truncated"), f"{facts['truncated']['train']:,} ({facts['truncated']['max_length']})"])
    return _table(["", ""], rows)


def _groups(run: Run) -> str:
    head = [word("layer"), word("weights"), word("rate"), word("first_epoch")]
    rows = [
        [escape(g["name"]), f"{g['weights']:,}"]
        + ([f"{g['learning_rate']:.3g}", str(g["first_epoch"])] if g["first_epoch"] else ["–", word("frozen")])
        for g in run.read("groups.json").get("groups", [])
    ]
    return f"<h2>{word('trained')}</h2>{_table(head, rows)}" if rows else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><tr>{top}</tr>{body}</table></div>"


def _shell(title: str, body: str) -> str:
    style = (resources.files("yeonma.report") / "page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{title} · yeonma</title><style>{style}</style></head><body>'
        '<input type="radio" name="language" id="en" checked><label for="en">English</label>'
        f'<input type="radio" name="language" id="ko"><label for="ko">한국어</label><main>{body}</main></body></html>'
    )
