"""Bad input through the command line: one clear error on stderr, exit code 2, and not a file more or less than before."""

from __future__ import annotations

import json
import pickle
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock

HEAD = "text\tlabel\n"
ROW = "좋다\t긍정\n"
FORMER = '{"text": "좋다", "label": "긍정"}\n'
TRAIN = "finetune -o new --encoder bag --set encoder.tokenizer=whitespace --set encoder.dim=4 --set train.epochs=1"
PRETRAIN = "pretrain word2vec -o new --tokenizer whitespace --dim 4 --epochs 1 --min-count 1"
PICKLE = pickle.dumps({"영화": [0.1, 0.2]})
TENSOR = '{"embeddings":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'


class Bad(NamedTuple):
    """A command line that must be refused: its files (None: removed beforehand) and what the message must say."""

    argv: str
    said: str
    files: dict[str, str | bytes | None] = {}


def table(*rows: tuple[str, Bad]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bad", [pytest.param(bad, id=name) for name, bad in rows])


def data(name: str, content: str | bytes, said: str, more: str = "") -> Bad:
    """Fine-tuning on a file of data that cannot be used."""
    return Bad(f"{TRAIN} --data {name} {more}", said, {name: content})


def vectors(name: str, content: str | bytes, said: str) -> Bad:
    """Fine-tuning with a file of vectors that cannot be used."""
    return Bad(f"{TRAIN} --data train.tsv --vectors {name}", said, {name: content})


def setting(assignment: str, said: str) -> Bad:
    """Fine-tuning with a setting that does not fit."""
    return Bad(f"{TRAIN} --data train.tsv --set '{assignment}'", said)


def corpus(name: str, content: str | bytes, said: str, more: str = "") -> Bad:
    """Pre-training on a file that cannot be used."""
    return Bad(f"{PRETRAIN} {name} {more}", said, {name: content})


def model(name: str, content: str | bytes | None, said: str) -> Bad:
    """Predicting with a model folder one of whose files is missing or not what was written."""
    return Bad("predict run 좋다", said, {f"run/model/{name}": content})


def content(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, and what the files hold."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refused(yeonma, place: Path, bad: Bad, stdin: bytes = b"") -> None:
    for name, text in bad.files.items():
        path = place / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = content(place)
    code, out, err = yeonma(*shlex.split(bad.argv), stdin=stdin)
    assert "Traceback" not in err
    assert bad.said in err
    assert (code, out) == (2, ""), err
    assert err.startswith(("error: ", "Usage: yeonma"))
    assert err.lower().count("error: ") == 1, "one error and no more"
    after = content(place)
    assert sorted(after) == sorted(before), "no file more or less"
    assert after == before, "no file changed"


USAGE = table(
    ("unknown command", Bad("finetun", "No such command 'finetun'. Did you mean 'finetune'?")),
    ("unknown option", Bad("evaluate run --splt test", "No such option: --splt")),
    ("no folder", Bad("evaluate", "Missing argument 'RUN|VECTORS'")),
    ("no output", Bad("pretrain word2vec train.tsv", "Missing option '--output'")),
    ("no number", Bad(f"{PRETRAIN} train.tsv --dim many", "Invalid value for '--dim'")),
)


NAMES = table(
    ("preset", Bad("finetune --preset ratsgo -o new", "There is no preset called 'ratsgo'. Did you mean 'ratsgo-6.3'?")),
    ("data set", Bad(f"{TRAIN} --data nsmcc", "There is no data set called 'nsmcc'. Did you mean 'nsmc'?")),
    ("data set to show", Bad("data show sample-singel", "Did you mean 'sample-single'?")),
    ("data set to fetch", Bad("data fetch klue-ynatt", "Did you mean 'klue-ynat'?")),
    ("data set to check", Bad("data check nsmcc", "Did you mean 'nsmc'?")),
    ("data set to evaluate on", Bad("evaluate run --data nsmcc", "Did you mean 'nsmc'?")),
    ("data set in a first config", Bad("init --data nsmcc", "Did you mean 'nsmc'?")),
    ("encoder", Bad("finetune --data train.tsv --encoder bilstm -o new", "There is no encoder called 'bilstm'.")),
    ("encoder in a first config", Bad("init --encoder cnnn", "Did you mean 'cnn'?")),
    ("optimizer", Bad(f"{TRAIN} --data train.tsv --optimizer adamw", "Did you mean 'adam'?")),
    ("task", Bad(f"{TRAIN} --data train.tsv --task singel", "Did you mean 'single'?")),
    ("task to check", Bad("data check train.tsv --task singel", "Did you mean 'single'?")),
    ("tokenizer", setting("encoder.tokenizer=mecap", "Did you mean 'mecab'?")),
    ("tokenizer to check with", Bad("data check train.tsv --tokenizer kiwii", "Did you mean 'kiwi'?")),
    ("tokenizer to pre-train with", Bad(f"{PRETRAIN} train.tsv --tokenizer bep", "Did you mean 'bpe'?")),
    ("method", Bad("pretrain word2vek train.tsv -o new", "Did you mean 'word2vec'?")),
    ("setting", setting("train.epoch=3", "train.epoch: there is no such setting. Did you mean 'epochs'?")),
    ("setting of the encoder", setting("encoder.dimm=3", "encoder.dimm: there is no such setting. Did you mean 'dim'?")),
    ("table of settings", setting("trian.epochs=3", "trian: there is no such setting. Did you mean 'train'?")),
    ("setting of the optimizer", setting("train.optimizer_args={beta=0.9}", "adam has no setting 'beta'.")),
    ("metric", setting("train.metric=acuracy", "Did you mean 'accuracy'?")),
    ("split", Bad("evaluate run --split tset", "has no split 'tset'. It has: train, valid, test")),
    ("split of a named data set", Bad("evaluate run --data sample-single --split tset", "Did you mean 'test'?")),
)  # fmt: skip


SETTINGS = table(
    ("blank --set", setting("", "--set takes key=value, for example --set train.epochs=5. It got ''.")),
    ("--set without a key", setting("=3", "--set takes key=value")),
    ("--set without a value", setting("train.epochs=", "train.epochs: Input should be a valid integer")),
    ("a key below a value", Bad(f"{TRAIN} --set seed=1 --set seed.more=1", "'seed' is a value, not a table")),
    ("zero epochs", setting("train.epochs=0", "train.epochs: Input should be greater than or equal to 1. It got 0.")),
    ("rate that is no number", setting("train.learning_rate=nan", "train.learning_rate: Input should be a finite number")),
    ("word for a number", setting("train.batch_size=big", "train.batch_size: Input should be a valid integer")),
    ("share above one", setting("data.valid_fraction=1.5", "data.valid_fraction: Input should be less than 1")),
    ("momentum of one", setting("train.optimizer_args={beta1=1}", "beta1 must be a number, at least 0 and below 1")),
    ("negative seed", setting("seed=-1", "seed: Input should be greater than or equal to 0")),
    ("value for a table", setting("train=5", "train: ")),
    ("dimension of zero", Bad(f"{PRETRAIN} train.tsv --dim 0", "The setting 'dim' of 'word2vec'")),
    ("negative seed of vectors", Bad(f"{PRETRAIN} train.tsv --seed -1", "The setting 'seed' of 'word2vec'")),
    ("config that is missing", Bad("finetune mine.toml -o new", "mine.toml does not exist. `yeonma init -o mine.toml` writes one.")),
    ("config that is a folder", Bad("finetune run -o new", "run cannot be read: Is a directory")),
    ("config that is no TOML", Bad("finetune a.toml -o new", "a.toml: not valid TOML", {"a.toml": "task = single\n"})),
    ("config in CP949", Bad("finetune a.toml -o new", "a.toml: not valid TOML", {"a.toml": '# 연마\n'.encode("cp949")})),
    ("name and files", Bad("finetune a.toml -o new", "exclude each other", {"a.toml": '[data]\nname = "nsmc"\ntrain = "a.tsv"\n'})),
    ("two errors at once", Bad("finetune a.toml -o new", "train.epochs: ", {"a.toml": "seed = 1.5\n[train]\nepochs = 0\n"})),
    ("word for the table of the encoder", Bad("finetune a.toml --encoder bag -o new", "encoder", {"a.toml": 'encoder = "bag"\n'})),
    ("word for the table of the data", Bad("finetune a.toml --data train.tsv -o new", "data", {"a.toml": 'data = "train.tsv"\n'})),
    ("untrained tokenizer", setting("encoder.tokenizer=bpe", "The tokenizer 'bpe' must be trained before it is used")),
    ("no data", Bad("finetune", "There is no data. Name some: --data nsmc")),
    ("no data, with a folder", Bad("finetune --encoder bag -o new", "There is no data. Name some: --data nsmc")),
)  # fmt: skip


DATA = table(
    ("missing file", Bad(f"{TRAIN} --data trian.tsv", "trian.tsv: there is no such file. Did you mean 'train.tsv'?")),
    ("missing validation file", setting("data.valid=vaild.tsv", "Did you mean 'valid.")),
    ("folder", Bad(f"{TRAIN} --data run/", "run: must be a file; it is a folder")),
    ("empty tsv", data("a.tsv", "", "a.tsv:1: must hold a header and rows; it is empty")),
    ("header alone", data("a.csv", "text,label\n", "a.csv:1: must hold rows; it holds a header alone")),
    ("short row", data("a.tsv", HEAD + ROW + "좋다\n", "a.tsv:3: must have 2 cells, as the header has; there are 1")),
    ("comma in an unquoted text", data("a.csv", "text,label\n좋다, 정말,긍정\n", "a.csv:2: must have 2 cells")),
    ("open quote", data("a.csv", 'text,label\n"좋다,긍정\n나쁘다,부정\n', "a.csv:2: a quote that opens here")),
    ("NaN in JSON", data("a.jsonl", FORMER + '{"text": "좋다", "label": NaN}\n', "a.jsonl:2: must be a JSON object: NaN is not JSON")),
    ("cut JSON", data("a.jsonl", FORMER + '{"text": "좋', "a.jsonl:2: must be a JSON object")),
    ("deep JSON", data("a.jsonl", "[" * 100_000 + "\n", "a.jsonl:1: must be a JSON object")),
    ("number for a text", data("a.jsonl", '{"text": 5, "label": "긍정"}\n', "a.jsonl:1: the text must be text; came int '5'")),
    ("list for a label", data("a.jsonl", '{"text": "좋다", "label": []}\n', "a.jsonl:1: a label must be a word")),
    ("missing label", data("a.tsv", HEAD + ROW + "좋다\t\n", "a.tsv:3: the label is missing")),
    ("plain text", data("a.txt", "좋다\n", "a.txt:1: a .txt file must begin with __label__")),
    ("cut Parquet", data("a.parquet", b"PAR1" + bytes(100), "a.parquet:1: is not a whole Parquet file")),
    ("pickle", data("a.pkl", PICKLE, "A pickle can run code when it is read; write the rows as .parquet or .jsonl")),
    ("sheet", data("a.xlsx", b"PK\x03\x04", "Save the sheet as CSV UTF-8 (.csv)")),
    ("broken UTF-8", data("a.tsv", (HEAD + ROW).encode() + b"\xec\xa2\t1\n", "a.tsv:3: byte 0xEC")),
    ("broken CP949", data("a.tsv", (HEAD + ROW * 3).encode("cp949") + b"\xc1\xff\t1\n", "a.tsv:2: byte 0xC1")),
    ("UTF-16", data("a.tsv", (HEAD + ROW).encode("utf-16"), "this is UTF-16 or UTF-32. Save it as UTF-8")),
    ("NUL", data("a.tsv", HEAD + "좋\0다\t긍정\n", "a.tsv:2: holds a NUL byte")),
    ("no column like a text", data("a.tsv", "글\t라벨\n좋다\t긍정\n", "no column has a usual name of text; came: '글', '라벨'")),
    ("wrong column", setting('data.columns={text = "txt"}', "train.tsv:1: there is no column 'txt' (columns.text). Did you mean 'text'?")),
    ("unknown role", setting('data.columns={txt = "text"}', "columns: there is no role 'txt'. Did you mean 'text'?")),
    ("label that train lacks", data("valid2.tsv", HEAD + "좋다\t중립\n", "valid2.tsv:2: label '중립' is not a known one", "--data train.tsv --set data.valid=valid2.tsv")),
    ("label outside the given ones", setting('data.labels={"긍정" = "good"}', "label '부정' is not a known one")),
    ("one label", data("a.tsv", HEAD + ROW * 40, "label")),
    ("too few rows to split", data("a.tsv", HEAD + ROW + "나쁘다\t부정\n", "2 training rows are too few to split 0.1 of them off")),
    ("unseen label on evaluation", Bad("evaluate run --data a.tsv", "a.tsv:2: label '중립' is not a known one", {"a.tsv": HEAD + "좋다\t중립\n"})),
    ("missing file on evaluation", Bad("evaluate run --data tset.tsv", "tset.tsv: there is no such file. Did you mean 'test.tsv'?")),
    ("the run's test file is gone", Bad("evaluate run", "test.tsv: there is no such file", {"test.tsv": None})),
)  # fmt: skip


VECTORS = table(
    ("missing", Bad(f"{TRAIN} --data train.tsv --vectors vecs", "vecs: there is no such folder or file")),
    ("empty", vectors("a.vec", "", "a.vec: the file is empty")),
    ("NaN", vectors("a.vec", "영화 1 2\n배우 nan 1\n", "a.vec:2: the numbers of '배우' must be finite")),
    ("infinite as float32", vectors("a.vec", "영화 1 2\n배우 1e300 1\n", "a.vec:2: the numbers of '배우' must be finite")),
    ("short row", vectors("a.vec", "2 3\n영화 1 2 3\n배우 1 2\n", "a.vec:3: a word and 3 numbers were expected, but '배우' has 2")),
    ("one number", vectors("a.vec", "2 3\n영화 1 2 3\n배우 1\n", "a.vec:3: a word and 3 numbers were expected")),
    ("word twice", vectors("a.vec", "영화 1 2\n영화 3 4\n", "a.vec:2: '영화' stands here for the second time; line 1")),
    ("boastful header", vectors("a.vec", "2000000000 300\n영화 1 2\n", "a.vec:1: the header claims 2,000,000,000 words")),
    ("word for a number", vectors("a.vec", "영화 1 2\n배우 1 둘\n", "a.vec:2: a word and 2 numbers were expected, but '둘' is not a number")),
    ("CP949", vectors("a.vec", "영화 1 2\n".encode("cp949"), "a.vec:1: the word must be UTF-8")),
    ("pickle", vectors("a.pkl", PICKLE, "a.pkl: such a file can hold a pickle, which runs code when it is loaded")),
    ("cut binary", vectors("a.bin", b"1 2\nword \0\0\0\0", "a.bin:1: the header claims 1 words of 2 float32 numbers")),
    ("packed", vectors("a.gz", b"\x1f\x8b", "Unpack the file first")),
    ("folder of something else", Bad(f"{TRAIN} --data train.tsv --vectors run", "run: a vectors folder must hold vectors.safetensors")),
    ("folder that is cut", Bad(f"{TRAIN} --data train.tsv --vectors v", "is not a whole safetensors file", {"v/vectors.safetensors": "cut", "v/words.txt": "영화\n"})),
    ("folder with NaN", Bad(f"{TRAIN} --data train.tsv --vectors v", "v: the numbers must be finite, but those of '영화' (word 1) are not", {"v/vectors.safetensors": len(TENSOR).to_bytes(8, "little") + TENSOR.encode() + b"\0\0\xc0\x7f" * 2, "v/words.txt": "영화\n"})),
    ("folder with a changed file", Bad(f"{TRAIN} --data train.tsv --vectors v", "the folder is not whole (words.txt has changed)", {"v/vectors.safetensors": "", "v/words.txt": "영화\n", "v/manifest.json": '{"words.txt": "0"}'})),
)  # fmt: skip


CORPUS = table(
    ("missing", Bad(f"{PRETRAIN} none.txt", "none.txt: there is no such file or folder")),
    ("pattern without a match", Bad(f"{PRETRAIN} '*.none'", "no file matches this pattern")),
    ("folder without texts", Bad(f"{PRETRAIN} empty", "the folder holds no file of a corpus", {"empty/a.bin": "x"})),
    ("empty", corpus("a.txt", "", "The corpus holds no word: all its texts are blank")),
    ("blank lines", corpus("a.txt", " \n\n", "The corpus holds no word: all its texts are blank")),
    ("CP949", corpus("a.txt", "좋다\n영화\n".encode("cp949"), "a.txt:1: the text must be UTF-8, but byte 1")),
    ("rare words", corpus("a.txt", "가 나 가\n", "No word occurs 3 times (the most frequent, '가', 2 times)", "--min-count 3")),
    ("cut gzip", corpus("a.txt.gz", b"\x1f\x8b\x08\0\0", "a.txt.gz")),
    ("cut zstd", corpus("a.txt.zst", b"\x28\xb5\x2f\xfd\0", "a.txt.zst")),
    ("cut Parquet", corpus("a.parquet", b"PAR1", "a.parquet: is not a whole Parquet file")),
    ("table without free text", corpus("a.csv", "a,b\n1,2\n", "a.csv")),
    ("wrong column", Bad(f"{PRETRAIN} train.tsv --column txt", "there is no column 'txt'. Did you mean 'text'?")),
    ("cut JSON", corpus("a.jsonl", FORMER + "{", "a.jsonl:2: must be a JSON object", "--column text")),
    ("deep JSON", corpus("a.jsonl", "[" * 100_000, "a.jsonl:1: must be a JSON object", "--column text")),
    ("number for a text", corpus("a.jsonl", '{"text": 5}\n', "a.jsonl:1: 'text' must be a string", "--column text")),
    ("output with something else", Bad("pretrain word2vec train.tsv --column text -o run", "run holds something else. Choose another place with -o.")),
    ("output that is a file", Bad("pretrain word2vec train.tsv --column text -o test.tsv", "test.tsv holds something else")),
)  # fmt: skip


RUNS = table(
    ("evaluate what is missing", Bad("evaluate rnu", "rnu does not exist. Give a run folder")),
    ("evaluate a folder of something else", Bad("evaluate run/probes --data test.tsv", "run/probes/config.json is missing")),
    ("evaluate a file", Bad("evaluate train.tsv --data test.tsv", "train.tsv:1: a word and 1 numbers were expected")),
    ("evaluate a pickle", Bad("evaluate a.pkl --data test.tsv", "a.pkl: such a file can hold a pickle, which runs code", {"a.pkl": PICKLE})),
    ("evaluate a model without data", Bad("evaluate run/model", "A model folder does not know its data. Name some with --data.")),
    ("evaluate an unfinished run", Bad("evaluate half", "The run in half is not finished. Continue it: yeonma finetune --resume -o half", {"half/config.toml": ""})),
    ("predict with an unfinished run", Bad("predict half 좋다", "The run in half is not finished", {"half/config.toml": ""})),
    ("config that is cut", Bad("evaluate run", "run/config.toml: not valid TOML", {"run/config.toml": "[tra"})),
    ("config of another version", Bad("evaluate run", "train.fancy: there is no such setting", {"run/config.toml": "[train]\nfancy = 1\n"})),
    ("report of what is missing", Bad("report rnu", "rnu is not a run folder")),
    ("report of a model", Bad("report run/model", "run/model is not a run folder: it has no config.toml")),
    ("status that is cut", Bad("report run", "run/status.json is not whole JSON", {"run/status.json": "{"})),
    ("status that is a number", Bad("report run", "run/status.json", {"run/status.json": "5"})),
    ("events of another version", Bad("report run", "run/events.jsonl", {"run/events.jsonl": '{"kind": "danced", "step": 1}\n'})),
    ("events without a kind", Bad("report run", "run/events.jsonl", {"run/events.jsonl": "{}\n"})),
    ("scores of another shape", Bad("report run", "run", {"run/eval/scores.json": '{"a:test": 1}'})),
    ("data of another shape", Bad("report run", "run", {"run/data.json": '{"examples": {"train": 1}}'})),
    ("resume without a folder", Bad("finetune --resume", "--resume needs the run's folder: -o RUN.")),
    ("resume without a run", Bad("finetune --resume -o new", "new is not a run folder: it has no config.toml")),
    ("resume with other settings", Bad("finetune --resume --data train.tsv --encoder bag -o run", "run was begun with other settings. Resume it with --resume -o run alone.")),
    ("output with an old run", Bad(f"{TRAIN} --data train.tsv -o run", "run already holds a run. Continue it with --resume")),
    ("output with something else", Bad(f"{TRAIN} --data train.tsv -o diary", "diary exists and is not an empty folder", {"diary/today.txt": "mine"})),
    ("output that is a file", Bad(f"{TRAIN} --data train.tsv -o test.tsv", "test.tsv exists and is not an empty folder")),
)  # fmt: skip


MODELS = table(
    ("weights missing", model("model.safetensors", None, "run/model/model.safetensors cannot be loaded")),
    ("weights cut", model("model.safetensors", b"\x10", "run/model/model.safetensors cannot be loaded")),
    ("weights of another model", model("model.safetensors", len(TENSOR).to_bytes(8, "little") + TENSOR.encode() + bytes(8), "does not fit the model: missing")),
    ("config missing", model("config.json", None, "run/model/config.json is missing")),
    ("config that is a list", model("config.json", "[]", "run/model/config.json does not describe a yeonma model")),
    ("config with another encoder", model("config.json", '{"yeonma": {"encoder": {"kind": "bagg"}}}', "Did you mean 'bag'?")),
    ("labels cut", model("labels.json", '["긍', "run/model/labels.json is not whole JSON")),
    ("labels that are a number", model("labels.json", "5", "run/model")),
    ("words missing", model("words.txt", None, "run/model/words.txt cannot be read")),
    ("a word too many", model("words.txt", "하나\n둘", "run/model/model.safetensors cannot be loaded: size mismatch")),
    ("tokenizer missing", model("tokenizer_config.json", None, "run/model/tokenizer_config.json is missing")),
    ("tokenizer of another version", model("tokenizer_config.json", '{"yeonma_tokenizer": "mecabb", "settings": {}}', "Did you mean 'mecab'?")),
)  # fmt: skip


PREDICTIONS = table(
    ("texts and a file", Bad("predict run 좋다 -i test.tsv", "Give texts or a file with -i, not both.")),
    ("two places for the answers", Bad("predict run 좋다 --json -o new.jsonl", "--json")),
    ("nothing on stdin", Bad("predict run", "There is nothing to predict.")),
    ("missing file", Bad("predict run -i tset.tsv", "tset.tsv: there is no such file. Did you mean 'test.tsv'?")),
    ("wrong column", Bad("predict run -i test.tsv --column txt", "test.tsv:1: there is no column 'txt' (columns.text). Did you mean 'text'?")),
    ("no column like a text", Bad("predict run -i a.tsv", "a.tsv:1: no column has a usual name of text", {"a.tsv": "글\n좋다\n"})),
    ("empty file", Bad("predict run -i a.jsonl -o new.jsonl", "a.jsonl:1: must hold a header and rows; it is empty", {"a.jsonl": ""})),
    ("wrong row behind good ones", Bad("predict run -i a.jsonl -o new.jsonl", "a.jsonl:2: must be a JSON object", {"a.jsonl": FORMER + "좋다\n"})),
)  # fmt: skip


@USAGE
def test_usage(yeonma, place, bad):
    refused(yeonma, place, bad)


@NAMES
def test_unknown_names(yeonma, place, bad):
    refused(yeonma, place, bad)


@SETTINGS
def test_settings(yeonma, place, bad):
    refused(yeonma, place, bad)


@DATA
def test_data(yeonma, place, bad):
    refused(yeonma, place, bad)


@VECTORS
def test_vectors(yeonma, place, bad):
    refused(yeonma, place, bad)


@CORPUS
def test_corpus(yeonma, place, bad):
    refused(yeonma, place, bad)


@RUNS
def test_run_folders(yeonma, place, bad):
    refused(yeonma, place, bad)


@MODELS
def test_model_folders(yeonma, place, bad):
    refused(yeonma, place, bad)


@PREDICTIONS
def test_predictions(yeonma, place, bad):
    refused(yeonma, place, bad)


def test_stdin_that_is_no_text(yeonma, place):
    refused(yeonma, place, Bad("predict run", "UTF-8"), stdin=b"\xec\xa2\n")


def test_an_argument_that_is_no_text(yeonma, place):
    """A shell hands bytes that are not UTF-8 over as lone surrogates."""
    refused(yeonma, place, Bad("predict run '\udcec'", "UTF-8"))


@pytest.mark.parametrize("command", ["finetune --resume -o run", f"{TRAIN} --data train.tsv -o run"])
def test_a_run_folder_in_use(yeonma, place, command):
    (place / "run/status.json").write_text(json.dumps({"state": "running", "pid": 4321}))
    with FileLock(place / "run/.lock"):
        refused(yeonma, place, Bad(command, "run is in use by process 4321" if "resume" in command else "--resume"))


def test_a_run_that_cannot_be_resumed_does_not_say_it_is_running(yeonma, place):
    (place / "train.tsv").unlink()
    code, out, err = yeonma("finetune", "--resume", "-o", "run")
    assert (code, out) == (2, "")
    assert err.startswith("error: train.tsv: there is no such file.")
    assert json.loads((place / "run/status.json").read_text())["state"] != "running"
    assert (place / "run/model/model.safetensors").exists()
