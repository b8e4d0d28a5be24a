# What a user and a developer run. `make demo` sets everything up by itself; the others want `pip install -e '.[dev]'`.
PYTHON ?= python3
VENV   ?= .venv
IN     := $(VENV)/bin
DEMO   ?= demo
SAMPLE := src/yeonma/data/sample

.PHONY: demo test lint bench docs

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(IN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

# Pre-train on the bundled corpus, fine-tune on the bundled reviews, score them, write a page. No data is downloaded.
demo: $(VENV)/.ready
	rm -rf $(DEMO)
	$(IN)/yeonma pretrain word2vec $(SAMPLE)/corpus.txt $(SAMPLE)/single/train.tsv --min-count 1 --epochs 30 -o $(DEMO)/vectors
	$(IN)/yeonma finetune --data sample-single --encoder bag --vectors $(DEMO)/vectors --optimizer adam \
	    --set train.epochs=20 --set train.learning_rate=3e-3 -o $(DEMO)/run
	$(IN)/yeonma evaluate $(DEMO)/run
	$(IN)/yeonma predict $(DEMO)/run "배우들 연기가 훌륭해서 끝까지 몰입했어요" "너무 지루해서 중간에 나왔습니다"
	@echo "The page: $(DEMO)/run/report/index.html"

# The tools of the environment that is active: `pip install -c constraints.txt -e '.[dev]'`.
test:
	$(PYTHON) -m pytest -q

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

# Wants YEONMA_DATA; installs the peers that are measured against. Rows that results/nsmc.jsonl holds are not run again.
bench:
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[bench]'
	$(PYTHON) benchmarks/bucketing.py
	$(PYTHON) benchmarks/word2vec.py
	$(PYTHON) benchmarks/nsmc.py

docs:
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[docs]'
	$(PYTHON) -m mkdocs build --strict
