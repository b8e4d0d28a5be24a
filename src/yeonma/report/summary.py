"""What came out, in a few sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from yeonma.pictures.words import Both
from yeonma.records import Finished, Stepped
from yeonma.report.drift import Drift
from yeonma.report.gather import Shown, Told
from yeonma.report.html import part
from yeonma.report.leaderboard import metric, state
from yeonma.report.phrases import say
from yeonma.report.phrases import split as split_name
from yeonma.report.scores import all_scores, chosen_by
from yeonma.tasks.scores.names import baseline, figures


def section(shown: Shown) -> str:
    """Sentences about a comparison, or about each run in detail."""
    said = (
        _of_study(shown.study)
        if shown.study is not None
        else [s for told in shown.detailed for s in _of_run(told, shown)]
    )
    return part("summary", "".join(f"<p>{sentence.html()}</p>" for sentence in said))


def _of_run(told: Told, shown: Shown) -> list[Both]:
    stood = told.run.status().get("state", "unknown" if told.run.has_trained() else "new")
    known = stood in ("done", "running", "interrupted", "failed", "new")
    facts = told.run.read("data.json")
    said = [
        say(
            "summary_run",
            name=f"{told.name}: " if len(shown.runs) > 1 else "",
            encoder=told.config["encoder.kind"],
            optimizer=told.config["train.optimizer"],
            task=told.config["task"],
            examples=f"{facts.get('examples', {}).get('train', 0):,}",
            state=say(f"state_{stood}" if known else "state_unknown"),
        )
    ]
    return [*said, *_ended(told), *_scored(told), *_moved(told)]


def _ended(told: Told) -> list[Both]:
    events = list(told.run.events())
    last = next((event for event in reversed(events) if isinstance(event, Finished)), None)
    seen = sum(event.examples for event in events if isinstance(event, Stepped))
    if last is None:
        return []
    speed = f"{seen / max(last.seconds, 1e-9):,.0f}"
    return [
        say("summary_end", steps=f"{last.step:,}", best=f"{last.best_step:,}", seconds=_time(last.seconds), speed=speed)
    ]


def _time(seconds: float) -> Both:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return Both(f"{hours} h {minutes} min", f"{hours}시간 {minutes}분")
    return Both(f"{minutes} min {rest} s", f"{minutes}분 {rest}초") if minutes else Both(f"{rest} s", f"{rest}초")


def _scored(told: Told) -> list[Both]:
    """Of each split the score that chose the weights, else its first; and what an answer that reads nothing had."""
    said, chosen = [], chosen_by(told.run)
    for split, scores in all_scores(told.run).items():
        found = figures(scores)
        if not found:
            continue
        name = chosen if chosen in found else next(iter(found))
        majority = baseline(scores)
        beside = (
            say("summary_majority", value=f"{majority[1]:.4f}") if majority and name == "accuracy" else Both("", "")
        )
        n = f"{scores['n']:,}"
        said.append(
            say(
                "summary_score",
                split=split_name(split),
                n=n,
                score=say(f"score_{name}"),
                value=f"{found[name]:.4f}",
                beside=beside,
            )
        )
    return said


def _moved(told: Told) -> list[Both]:
    drift = Drift.of(told.run)
    found = drift.most_moved(3, 3) if drift is not None else None
    if drift is None or found is None or not len(found):
        return []
    words = ", ".join(found["word"].to_list())
    share = 1 - float((~drift.touched[drift.named]).mean())
    return [say("summary_moved", share=f"{share:.1%}", words=words)]


def _of_study(study: Mapping[str, Any]) -> list[Both]:
    cells = study["cells"]
    said = [say("summary_study", cells=len(cells), runs=sum(len(cell["runs"]) for cell in cells))]
    if not study["complete"]:
        said.append(say("summary_incomplete"))
    return [*said, *_led(study), *_failed(cells)]


def _led(study: Mapping[str, Any]) -> list[Both]:
    """Which settings are best, and how many others are worse, better or not told from them."""
    best = next((cell for cell in study["cells"] if cell["name"] == study["best"]), None)
    if best is None or not best["test"]:
        return []
    said = [say("summary_best", name=best["name"], score=metric(study), value=f"{best['test']['mean']:.4f}")]
    verdicts = [cell["verdict"] for cell in study["cells"]]
    for key in ("no difference shown", "worse", "better on test"):
        if count := verdicts.count(key):
            said.append(say(f"summary_{key.replace(' ', '_')}", count=count))
    return said


def _failed(cells: Sequence[Mapping[str, Any]]) -> list[Both]:
    """How many final runs failed, of what, and which settings never had one."""
    failed: Counter[str] = sum((Counter(cell["failed_runs"]) for cell in cells), Counter())
    hopeless = ", ".join(cell["name"] for cell in cells if cell["hopeless"])
    said = []
    if failed:
        counts = [say("summary_reason", count=count, state=state(key)) for key, count in failed.items()]
        reasons = Both(*(", ".join(each) for each in zip(*counts, strict=True)))
        total = sum(len(cell["runs"]) for cell in cells)
        said.append(say("summary_failed", count=failed.total(), total=total, reasons=reasons))
    return [*said, say("summary_hopeless", names=hopeless)] if hopeless else said
