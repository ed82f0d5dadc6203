# make run    install, read the samples, open the chat on http://127.0.0.1:8501
# make test   install what the tests need, run them all
# make check  lint, types and tests: the whole routine
# make bench  the measurements that README.md shows

PYTHON ?= python3
INDEX ?= .run/index
PORT ?= 8501
COLLECTIONS ?= ../shared/bench# the folder of collections that `make bench-search` asks
DOCUMENTS ?= data/samples# the folder of PDFs and texts that `make bench-ingest` reads
TABLES ?= icdar2013-dataset# the folder of PDFs with their tables' cells that `make bench-tables` reads
PDFS ?= data/samples# the folder of PDFs that `make bench-pdf` reads
WORKERS ?= 2# how many processes `make test` takes; each may use two cores and 3 GB
COUNT ?= 1000# the questions that `make bench-long` asks
VENV := .venv
RUN := $(VENV)/bin

export HF_HUB_OFFLINE = 1

.PHONY: run ingest-samples test lint check bench bench-search bench-languages bench-follow-ups bench-verdicts bench-model bench-long bench-ingest bench-ocr bench-pdf bench-tables bench-large clean

# Not offline: the page of the model gets a file when somebody presses the button for it, and only then.
run: ingest-samples
	HF_HUB_OFFLINE=0 $(RUN)/rag ui --index $(INDEX) --port $(PORT)

ingest-samples: $(VENV)/installed
	$(RUN)/rag ingest data/samples --index $(INDEX)

test: $(VENV)/installed-for-tests
	$(RUN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(VENV)/installed-for-tests
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

check: lint test

bench: bench-search bench-follow-ups bench-verdicts bench-model bench-ingest bench-ocr

bench-search: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.search $(COLLECTIONS)
	$(RUN)/python -m benchmarks.copies $(COLLECTIONS)

# COLLECTIONS=folder: a clone of google-deepmind/xquad, for instance; ten minutes for its twelve languages.
bench-languages: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.languages $(COLLECTIONS) --every 3

bench-follow-ups: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.follow_ups
	$(RUN)/python -m benchmarks.prompt_tokens

bench-verdicts: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.verdicts

# Writes a file of 4.4 GB to a temporary folder, and removes it.
bench-model: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.model

# COUNT questions in one process, with a small model: does anything grow? About ten a second.
bench-long: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.long_run $(COUNT)

# Side by side with LangChain's usual way; a few hundred pages (DOCUMENTS=folder) take some minutes.
bench-ingest: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.ingest $(DOCUMENTS)

# Twenty scans that it makes, with fonts of the system: two minutes.
# The folder is the user's own: PDFS=~/Documents. Needs pdftotext (Debian, Ubuntu: apt install poppler-utils).
bench-pdf: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.pdf $(PDFS)

# TABLES is the data of ICDAR 2013's table competition, which test data of tabula-java hold, too.
bench-tables: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.tables $(TABLES)

bench-ocr: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.ocr

# An index of a million chunks made of the passages in .venv's documentation, in .run/large: half an hour, 4 GB.
bench-large: $(VENV)/installed-for-tests
	$(RUN)/python -m benchmarks.large --sizes
	$(RUN)/python -m benchmarks.large $(if $(wildcard $(COLLECTIONS)),--collections $(COLLECTIONS))

# llama-cpp-python is compiled here, once: 4 to 5 minutes on two cores.
$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or newer is needed; $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=python3.11 run")'
	@command -v c++ >/dev/null || { echo "a C++ compiler is needed for llama.cpp: install g++ (Debian, Ubuntu: apt install g++)"; exit 1; }
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,ocr]'
	sh tests/install_chromium.sh $(RUN)/python
	touch $@

clean:
	rm -rf $(VENV) .run build *.egg-info
