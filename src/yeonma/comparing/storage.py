"""Every finished trial in an Optuna storage too, where Optuna's own tools look; the run folders stay the truth."""

from __future__ import annotations

from typing import Any

from yeonma.comparing.spaces import parse
from yeonma.comparing.study import DONE, Study
from yeonma.errors import ConfigError

JOURNAL = "optuna.journal"


def store(study: Study, cell: str, storage: str | None) -> None:
    """Add the trials of a cell that the storage does not know yet; a damaged journal of ours is begun again.

    storage  a URL (sqlite:///…, postgresql://…) or a journal file; None: a journal in the study folder
    Raises: ConfigError where it cannot be used.
    """
    from filelock import FileLock

    journal = study.folder / JOURNAL
    with FileLock(study.folder / ".storage.lock"):
        if storage is None:
            journal.with_name(f"{JOURNAL}.lock").unlink(missing_ok=True)  # a killed writer's: who writes holds ours
        try:
            _add(study, cell, opened(storage or str(journal)))
        except ConfigError:
            raise
        except Exception as error:  # what a damaged file makes of Optuna is no one kind
            if storage is not None:
                raise _unusable(storage, error) from error
            journal.replace(journal.with_suffix(".damaged"))
            for each in study.cells:
                _add(study, each, opened(str(journal)))


def _add(study: Study, cell: str, storage: Any) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    shapes = {key: parse(key, text).distribution() for key, text in study.rules.spaces.items()}
    kept = optuna.create_study(
        study_name=f"{study.folder.resolve().name}-{study.plan.fingerprint()[:8]}/{cell}",
        storage=storage,
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
        raise _unusable(storage, error) from error


def _unusable(storage: str, error: Exception) -> ConfigError:
    """What to say of a storage; who may use it stands before an @."""
    return ConfigError(
        f"{storage.partition('@')[2] or storage} cannot be used as an Optuna storage: {error!r}. Give a URL such as "
        "sqlite:///study.db, or a file."
    )
