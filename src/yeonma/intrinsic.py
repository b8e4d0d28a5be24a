"""How good word vectors are by themselves: likeness of words, analogies, nearest words, words they know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from yeonma.correlation import spearman
from yeonma.data import wordsim
from yeonma.errors import ConfigError
from yeonma.neighbours import nearest_rows, unit_rows
from yeonma.records import Progress, silent
from yeonma.text import Tokenizer, nfc
from yeonma.vectors import Coverage, Vectors

UNKNOWN, COMPOSED, KNOWN = 0, 1, 2
_TARGETS = 256  # at a time: a product with `neighbours.ROWS` rows in float32 takes 8 MB, whatever the vocabulary


class Similarity(NamedTuple):
    """How the cosines of word pairs agree with people.

    known     pairs both of whose words the vectors know, of `pairs`; `spearman` is over them (None: no two differ)
    composed  further pairs with a vector once unknown words are composed; `spearman_composed` is over both kinds
    """

    name: str
    pairs: int
    known: int
    spearman: float | None
    composed: int
    spearman_composed: float | None


class Analogies(NamedTuple):
    """How many questions a : b = c : ? are answered right, of those all of whose words the vectors know."""

    name: str
    questions: int
    covered: int
    accuracy: float | None
    categories: dict[str, dict[str, Any]]
    """Category → questions, covered, accuracy."""


def look_up(vectors: Vectors, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(n, dim) float32 vectors of words, and (n,) whether each is KNOWN, COMPOSED or UNKNOWN (then its vector is 0).

    A word is known where it stands among the words as it is, composed to NFC, or as the tokenizer writes it in one
    piece. Else it is composed: of its subwords where the vectors have them; if not, as the mean of the pieces that the
    tokenizer cuts it into, where all of them are known.
    """
    rows, how = np.zeros((len(words), vectors.dim), np.float32), np.full(len(words), UNKNOWN, np.int8)
    for place, word in enumerate(words):
        if pieces := _pieces(vectors, word):
            rows[place] = vectors.matrix[pieces].mean(axis=0)
            how[place] = KNOWN if len(pieces) == 1 else COMPOSED
    if vectors.subwords is not None and (open_ := np.flatnonzero(how != KNOWN)).size:
        spelled = [nfc(words[place]).text for place in open_.tolist()]
        found = vectors.subwords.known(spelled)
        rows[open_[found]] = vectors.subwords.rows(spelled)[found]
        how[open_[found]] = COMPOSED
    return rows, how


def similarity(vectors: Vectors, tests: wordsim.Pairs) -> Similarity:
    """Spearman's ρ between people's scores and the cosines of the word pairs."""
    rows, how = look_up(vectors, [word for pair in tests.pairs for word in pair])
    unit = unit_rows(rows).reshape(len(tests.pairs), 2, -1)
    cosines, scores = (unit[:, 0] * unit[:, 1]).sum(axis=1), np.array(tests.scores)
    worst = how.reshape(-1, 2).min(axis=1)

    def over(kept: np.ndarray) -> float | None:
        varied = kept.sum() > 1 and np.ptp(scores[kept]) > 0 and np.ptp(cosines[kept]) > 0
        return spearman(scores[kept], cosines[kept]) if varied else None

    known, found = worst == KNOWN, worst != UNKNOWN
    added = int(found.sum() - known.sum())
    return Similarity(tests.name, len(scores), int(known.sum()), over(known), added, over(found) if added else None)


def analogies(vectors: Vectors, tests: wordsim.Questions, progress: Progress = silent) -> Analogies:
    """3CosAdd: d = argmax over all words but a, b, c of cos(x, b − a + c), vectors at length 1 (Levy & Goldberg 2014).

    Asked are the questions all of whose words are known.
    """
    places = np.array([[_known(vectors, word) for word in words] for words in tests.words])
    covered = np.flatnonzero((places >= 0).all(axis=1))
    right = np.zeros(len(places), bool)
    for begin in range(0, len(covered), _TARGETS):
        chunk = covered[begin : begin + _TARGETS]
        a, b, c, d = places[chunk].T
        targets = unit_rows(vectors.matrix[b]) - unit_rows(vectors.matrix[a]) + unit_rows(vectors.matrix[c])
        right[chunk] = nearest_rows(vectors.matrix, targets, places[chunk, :3], 1)[0][:, 0] == d
        progress(f"analogies {tests.name}", begin + len(chunk), len(covered), "questions")
    asked = np.isin(np.arange(len(places)), covered)
    categories = np.array(tests.categories)
    by_category = {name: _share(right, asked, categories == name) for name in dict.fromkeys(tests.categories)}
    return Analogies(tests.name, **_share(right, asked, np.ones(len(places), bool)), categories=by_category)


def nearest(vectors: Vectors, word: str, k: int = 10) -> list[tuple[str, float]]:
    """The k words of the greatest cosine with a word, itself left out; a word that is not known is composed.

    Raises: VectorsError where it cannot be, naming words written like it.
    """
    rows, how = look_up(vectors, [word])
    row = rows[0] if how[0] != UNKNOWN else vectors.vector(word)
    return vectors.nearest_to(row, k, without=_known(vectors, word))


def coverage(vectors: Vectors, texts: Iterable[str], tokenizer: Tokenizer, progress: Progress = silent) -> Coverage:
    """Which of the words of texts the vectors know, by type and by token. Texts are read one after the other."""
    counts: Counter[str] = Counter()
    for done, pieces in enumerate(tokenizer.batch(texts), start=1):
        counts.update(piece.form for piece in pieces)
        if done % 1000 == 0:
            progress("coverage", done, None, "texts")
    return vectors.coverage(counts)


def likely_sets(vectors: Vectors) -> tuple[list[str], list[str]]:
    """The known sets of the vectors' likely language: of word pairs, of questions.

    Raises: ConfigError where there are none.
    """
    language = language_of(vectors.words)
    names = [name for name in wordsim.known() if name.startswith(f"{language}-")]
    if not names:
        raise ConfigError(
            "There is nothing to evaluate on. Give --similarity FILE, --analogies FILE, --nearest WORD or --data NAME, "
            f"or set YEONMA_DATA to a folder with wordsim/{language}-NAME.parquet."
        )
    asks = {name: wordsim.holds_questions(name) for name in names}
    return [name for name in names if not asks[name]], [name for name in names if asks[name]]


def language_of(words: Iterable[str]) -> str:
    """`ko` where at least three in ten of the first 2,000 words with a letter hold Hangul, else `en`."""
    lettered = [word for word in islice(words, 2000) if any(map(str.isalpha, word))]
    return "ko" if sum(any(map(_is_hangul, word)) for word in lettered) >= 0.3 * max(1, len(lettered)) else "en"


def _is_hangul(letter: str) -> bool:
    return "가" <= letter <= "힣" or "ㄱ" <= letter <= "ㆎ" or "ᄀ" <= letter <= "ᇿ"


def _pieces(vectors: Vectors, word: str) -> list[int]:
    """The rows of a word: its own; else those of its pieces, or none where one of them is unknown."""
    index = vectors.index
    for form in (word, nfc(word).text):
        if form in index:
            return [index[form]]
    forms = [piece.form for piece in vectors.tokenizer.pieces(word)] if vectors.tokenizer is not None else []
    return [index[form] for form in forms] if all(form in index for form in forms) else []


def _known(vectors: Vectors, word: str) -> int:
    """The row of a word, or −1."""
    pieces = _pieces(vectors, word)
    return pieces[0] if len(pieces) == 1 else -1


def _share(right: np.ndarray, asked: np.ndarray, of: np.ndarray) -> dict[str, Any]:
    covered = int((asked & of).sum())
    return {
        "questions": int(of.sum()),
        "covered": covered,
        "accuracy": float(right[of & asked].mean()) if covered else None,
    }
