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
	$(call tour,pair,$(SMALL),소년이 방에서 자고 있다.\t소년이 밖에서 공을 차고 있다.)
	$(call tour,choice,$(SMALL),지하철이 삼십 분 동안 멈추어 있었다.\t모든 사람이 평소보다 일찍 도착했다.\t많은 사람이 회사에 늦었다.)
	$(call tour,qa,$(SMALL),소금은 언제 가장 많이 나는가?\t너울군 바닷가에는 넓은 소금밭이 있다. 소금밭의 주인 천만복은 열네 살부터 이 일을 했다. 소금은 6월에 가장 많이 난다. 비가 올 것 같으면 그의 무릎이 먼저 알고 쑤신다.)
	$(call tour,tagging,$(SMALL) --set head.crf=true,김보람은 4월 2일에 가람시에 갔다.)
	@printf '\nThe pages:\n'; ls $(DEMO)/*/report/index.html

# The tools of the environment that is active: `pip install -c constraints.txt -e '.[dev]'`.
test:
	$(PYTHON) -m pytest -q -n auto --maxprocesses 4 --dist loadfile

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

# Wants YEONMA_DATA; installs the peers that are measured against. Rows that results/nsmc.jsonl holds are not run again.
bench:
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[bench]'
	$(PYTHON) benchmarks/bucketing.py
	$(PYTHON) benchmarks/pretrain.py
	$(PYTHON) benchmarks/ngram.py
	$(PYTHON) benchmarks/nsmc.py

docs:
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[docs]'
	$(PYTHON) -m mkdocs build --strict
