"""The contract every registered tokenizer keeps, the three simple ones, and making and loading by name."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from yeonma import plugins
from yeonma.errors import ConfigError, RunError
from yeonma.records import Piece
from yeonma.text import Tokenizer, load_tokenizer, make_tokenizer, nfc

NAMES = plugins.names("tokenizer")
SURFACE = [("whitespace", {}), ("syllable", {}), ("mecab", {}), ("mecab", {"split_digits": True})]
LINES = [
    "마음이 끌려 갔다. 정말 최고의 영화였다!",
    "2019년에 본 Café 장면이 아직도 생각나요 ㅋㅋㅋ",
    "배우들의 연기는 좋은데 이야기가 아쉽다…",
    "It was a great movie, 10점 만점에 9점 😀",
]
ODD = [*"\0\ud800\u3000\xa0\x1f\x0b\u2028\u200b\ufeff\t\n", "[MASK]", "##", "▁", "EOS"]

korean = st.lists(st.sampled_from([*" 가한끌려갔다ㅋㅠ영화a1.!😀", "é", *ODD]), max_size=20).map("".join)
anything = korean | st.text(max_size=20) | st.sampled_from(LINES)
quick = settings(deadline=None, max_examples=50)


@functools.cache
def ready(name: str, **chosen: bool) -> Tokenizer:
    """A tokenizer that can be used: made, and trained on a few lines where it must be."""
    if name == "kiwi":
        pytest.importorskip("kiwipiepy", reason="kiwipiepy is wanted: pip install 'yeonma[kiwi]'")
    tokenizer = make_tokenizer(name, **chosen)
    return tokenizer if tokenizer.trained else plugins.load("tokenizer", name).train(LINES * 3, vocab_size=120)


def forms(pieces: list[Piece]) -> list[str]:
    return [piece.form for piece in pieces]


def separable(text: str) -> bool:
    """Whether composition left every character an original range of its own."""
    normal = nfc(text)
    return len(set(zip(normal.starts, normal.ends, strict=True))) == len(normal.text)


@pytest.mark.parametrize("name", NAMES)
class TestContract:
    """What holds for every tokenizer, whatever text comes."""

    @quick
    @given(text=anything)
    @example(text="")
    @example(text=" \n\t\u3000\x1f")
    @example(text="한\0글\ud800[UNK]")
    @example(text="a려 재밌대서")
    def test_pieces_lie_inside_the_text_in_reading_order(self, name, text):
        pieces = ready(name).pieces(text)
        assert all(0 <= start <= end <= len(text) for _, start, end in pieces)
        assert not any(text[start:end].isspace() for _, start, end in pieces)
        if name != "kiwi":  # it restores what the text leaves out or contracts
            assert all(start < end for _, start, end in pieces)
            assert [piece.start for piece in pieces] == sorted(piece.start for piece in pieces)

    @quick
    @given(text=anything)
    @example(text="키아누 리브스 조니뎁")
    def test_forms_are_composed_words_that_can_be_written(self, name, text):
        for form in forms(ready(name).pieces(text)):
            assert form.split() == [form]
            assert unicodedata.is_normalized("NFC", form)
            form.encode("utf-8")

    @quick
    @given(text=anything)
    def test_decomposed_text_gives_the_same_forms(self, name, text):
        composed = ready(name).pieces(unicodedata.normalize("NFC", text))
        apart = ready(name).pieces(unicodedata.normalize("NFD", text))
        assert forms(apart) == forms(composed)

    def test_batch_gives_what_pieces_gives(self, name):
        texts = [*LINES, "", " ", unicodedata.normalize("NFD", LINES[0]), *ODD, *LINES * 300]
        assert list(ready(name).batch(iter(texts))) == [ready(name).pieces(text) for text in texts]

    def test_save_and_load_give_an_equal_one(self, name, tmp_path):
        ready(name).save(tmp_path / "deep" / "folder")
        loaded = load_tokenizer(tmp_path / "deep" / "folder")
        assert type(loaded) is type(ready(name))
        assert loaded.settings == ready(name).settings
        assert loaded.fingerprint() == ready(name).fingerprint()
        assert list(loaded.batch(LINES)) == list(ready(name).batch(LINES))

    def test_the_name_is_the_registered_one_and_the_config_says_it(self, name, tmp_path):
        assert ready(name).name == name
        ready(name).save(tmp_path)
        config = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
        assert config["yeonma_tokenizer"] == name
        assert config["settings"] == ready(name).settings
        assert json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))

    def test_a_cut_or_missing_file_is_named(self, name, tmp_path):
        for file in ("tokenizer.json", "tokenizer_config.json"):
            ready(name).save(tmp_path)
            whole = (tmp_path / file).read_bytes()
            (tmp_path / file).write_bytes(whole[: len(whole) // 2])
            with pytest.raises(RunError, match=file):
                load_tokenizer(tmp_path)
            (tmp_path / file).unlink()
            with pytest.raises(RunError, match=file):
                load_tokenizer(tmp_path)

    def test_an_unknown_setting_is_named(self, name):
        with pytest.raises(ConfigError, match=rf"{name}.*'no_such_setting'"):
            make_tokenizer(name, no_such_setting=True)


@pytest.mark.parametrize(("name", "chosen"), SURFACE)
@settings(deadline=None)
@given(text=anything)
@example(text="q\u0307\u0323 \u0307\u0323")
def test_surface_pieces_cover_every_character_that_is_not_blank(name, chosen, text):
    covered = {i for _, start, end in ready(name, **chosen).pieces(text) for i in range(start, end)}
    assert {i for i, character in enumerate(text) if not character.isspace()} <= covered


@pytest.mark.parametrize(("name", "chosen"), SURFACE)
@settings(deadline=None)
@given(text=anything | anything.map(functools.partial(unicodedata.normalize, "NFD")))
@example(text=unicodedata.normalize("NFD", LINES[1]))
def test_surface_forms_are_the_characters_they_stand_for(name, chosen, text):
    whole = separable(text)
    for form, start, end in ready(name, **chosen).pieces(text):
        there = nfc(text[start:end]).text
        assert form == there if whole else form in there


def test_whitespace():
    assert make_tokenizer("whitespace").pieces(" The\u3000END\n.") == [("The", 1, 4), ("END", 5, 8), (".", 9, 10)]
    assert forms(make_tokenizer("whitespace", lowercase=True).pieces("The İ 끝")) == ["the", "i̇", "끝"]


def test_syllable():
    assert make_tokenizer("syllable").pieces("한 a글") == [("한", 0, 1), ("a", 2, 3), ("글", 3, 4)]


def test_jamo_carry_the_span_of_their_syllable():
    decomposed = unicodedata.normalize("NFD", "한 괜a")
    assert make_tokenizer("jamo").pieces("한 괜a") == [
        ("ㅎ", 0, 1), ("ㅏ", 0, 1), ("ㄴ", 0, 1), ("ㄱ", 2, 3), ("ㅙ", 2, 3), ("ㄴ", 2, 3), ("a", 3, 4),
    ]  # fmt: skip
    assert [piece[1:] for piece in make_tokenizer("jamo").pieces(decomposed)] == [(0, 3)] * 3 + [(4, 7)] * 3 + [(7, 8)]


@given(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3))
def test_both_kinds_of_jamo_spell_the_syllable(syllable):
    """The compatibility letters have the same names as the conjoining ones, which Unicode itself gives."""
    conjoining = forms(make_tokenizer("jamo", conjoining=True).pieces(syllable))
    assert "".join(conjoining) == unicodedata.normalize("NFD", syllable)
    plain = [unicodedata.name(letter).split()[-1] for letter in forms(make_tokenizer("jamo").pieces(syllable))]
    assert plain == [unicodedata.name(letter).split()[-1] for letter in conjoining]


def test_fingerprints_tell_tokenizers_and_settings_apart():
    made = [ready(name) for name in NAMES] + [
        make_tokenizer("whitespace", lowercase=True),
        make_tokenizer("jamo", conjoining=True),
        make_tokenizer("mecab", split_digits=True),
    ]
    assert len({tokenizer.fingerprint() for tokenizer in made}) == len(made)
    assert make_tokenizer("mecab").fingerprint() == make_tokenizer("mecab").fingerprint()


@pytest.mark.parametrize("package", ["python-mecab-ko-dic", "python-mecab-ko"])
def test_another_version_has_another_fingerprint(package, monkeypatch):
    before = make_tokenizer("mecab").fingerprint()
    known = {"python-mecab-ko": "1.3.7", "python-mecab-ko-dic": "2.1.1", package: "99"}
    monkeypatch.setattr("yeonma.text.morphemes.version", known.__getitem__)
    assert make_tokenizer("mecab").fingerprint() != before


def test_errors_name_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'mecab'"):
        make_tokenizer("mekab")
    with pytest.raises(ConfigError, match="Did you mean 'split_digits'"):
        make_tokenizer("mecab", split_digit=True)
    with pytest.raises(ConfigError, match=r"'split_digits'.*must be a value of type bool.*'yes' came"):
        make_tokenizer("mecab", split_digits="yes")
    with pytest.raises(ConfigError, match="It has no settings"):
        make_tokenizer("syllable", lowercase=True)


@pytest.mark.parametrize(
    "config",
    [[], {}, {"yeonma_tokenizer": "mecab"}, {"yeonma_tokenizer": "mecab", "settings": []},
     {"yeonma_tokenizer": "nope", "settings": {}}, {"yeonma_tokenizer": "mecab", "settings": {"nope": 1}},
     {"yeonma_tokenizer": "mecab", "settings": {"split_digits": 1}}],
)  # fmt: skip
def test_a_config_that_does_not_fit_is_a_broken_folder(config, tmp_path):
    make_tokenizer("mecab").save(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match=r"tokenizer_config\.json"):
        load_tokenizer(tmp_path)


def test_files_that_disagree_are_refused(tmp_path):
    make_tokenizer("mecab", split_digits=True).save(tmp_path)
    other = (tmp_path / "tokenizer.json").read_bytes()
    make_tokenizer("mecab").save(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(other)
    with pytest.raises(RunError, match="differ"):
        load_tokenizer(tmp_path)


def test_importing_the_package_is_light():
    code = (
        "import sys, yeonma.text\n"
        "heavy = {'torch', 'tokenizers', 'mecab', '_mecab', 'kiwipiepy', 'safetensors', 'transformers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
