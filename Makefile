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

# Settings for a hundred rows or so, chosen on the validation splits.
SMALL := --encoder bilstm-attention --set encoder.characters=30 --set train.batch_size=8 --set train.learning_rate=2e-3

# $(call tour,TASK,OPTIONS,EXAMPLES): an example a line, a tab between its texts.
define tour
@printf '\n== $(1) ==\n'
$(IN)/yeonma finetune --data sample-$(1) --vectors $(DEMO)/vectors $(2) --set train.epochs=20 -o $(DEMO)/$(1)
$(IN)/yeonma evaluate $(DEMO)/$(1)
printf '$(3)\n' | $(IN)/yeonma predict $(DEMO)/$(1)
endef

# Word vectors from the bundled corpus; then every task on its bundled sample: fine-tune, score, answer, write a page. No data is downloaded.
demo: $(VENV)/.ready
	rm -rf $(DEMO)
	$(IN)/yeonma pretrain word2vec $(SAMPLE)/corpus.txt $(SAMPLE)/single/train.tsv $(SAMPLE)/tagging/train.jsonl --min-count 1 --epochs 30 \
	    -o $(DEMO)/vectors
	$(call tour,single,--encoder bag --set train.learning_rate=3e-3,배우들 연기가 훌륭해서 끝까지 몰입했어요\n너무 지루해서 중간에 나왔습니다)
	$(call tour,pair,$(SMALL),한 남자가 길에서 기타를 치고 있다.\t남자가 악기를 연주하고 있다.)
	$(call tour,choice,$(SMALL),길이 꽁꽁 얼어 있었다.\t사람들은 조심조심 걸었다.\t사람들은 길을 타고 달나라로 날아갔다.)
	$(call tour,qa,$(SMALL),정자는 누가 지었는가?\t언덕 위에는 작은 정자가 있다. 정자는 1950년에 박두만이 지었다.)
	$(call tour,tagging,$(SMALL) --set head.crf=true,김나리는 5월 8일에 솔뫼시로 갔다.)
	@printf '\nThe pages:\n'; ls $(DEMO)/*/report/index.html

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
