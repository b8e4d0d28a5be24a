"""Every finished trial in an Optuna storage too, where Optuna's own tools look; the run folders stay the truth."""

from __future__ import annotations

from typing import Any

from yeonma.comparing.spaces import parse
from yeonma.comparing.study import DONE, Study
from yeonma.errors import ConfigError

JOURNAL = "optuna.journal"


def store(study: Study, cell: str, storage: str | None) -> None:
    """Add the trials of a cell that the storage does not know yet.

    storage  a URL (sqlite:///…, postgresql://…) or a journal file; None: a journal in the study folder
    Raises: ConfigError where it cannot be used.
    """
    import optuna
    from filelock import FileLock

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    shapes = {key: parse(key, text).distribution() for key, text in study.rules.spaces.items()}
    with FileLock(study.folder / ".storage.lock"):
        kept = optuna.create_study(
            study_name=f"{study.folder.resolve().name}-{study.plan.fingerprint()[:8]}/{cell}",
            storage=opened(storage or str(study.folder / JOURNAL)),
            direction="maximize",
            load_if_exists=True,
        )
        known = {trial.user_attrs.get("run") for trial in kept.trials}
        for each in study.trials(cell):
            name = f"trial-{each['number']:02d}"
            if name in known:
                continue
            good = each["state"] == DONE
            state = optuna.trial.TrialState.COMPLETE if good else optuna.trial.TrialState.FAIL
            value, attributes = each["validation"] if good else None, {"run": name, "state": each["state"]}
            kept.add_trial(
                optuna.trial.create_trial(
                    state=state, value=value, params=each["params"], distributions=shapes, user_attrs=attributes
                )
            )


def opened(storage: str) -> Any:
    """A storage by its URL, or a journal file."""
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        return RDBStorage(storage) if "://" in storage else JournalStorage(JournalFileBackend(storage))
    except Exception as error:
        raise ConfigError(
            f"{storage.partition('@')[2] or storage} cannot be used as an Optuna storage: {error}. Give a URL such as "
            "sqlite:///study.db, or a file."
        ) from error
