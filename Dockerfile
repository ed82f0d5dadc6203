# syntax=docker/dockerfile:1
# openchat-rag on a processor, without a GPU: `rag serve` on port 18888, as a user who may write to volumes alone:
# /index, /models (files of OpenChat) and /state (what was read is kept there, and who writes to an index in Milvus).
#
#   docker build -t openchat-rag --build-arg TORCH_INDEX_URL=... .
#
# TORCH_INDEX_URL is the index of CPU builds that pytorch.org names for pip on Linux: the default build of torch
# brings several gigabytes of GPU libraries that nothing here uses. docs/scaling.md says how to run it.

FROM python:3.11-slim-bookworm AS build

RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/rag
ENV PATH=/opt/rag/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src

ARG TORCH_INDEX_URL
COPY constraints.txt ./
RUN : "${TORCH_INDEX_URL:?is not set: docker build --build-arg TORCH_INDEX_URL=the CPU index that pytorch.org names}" \
    && pip install --index-url "$TORCH_INDEX_URL" "$(grep '^torch==' constraints.txt)"

# llama.cpp for any x86-64 processor with AVX2; -DGGML_NATIVE=ON makes it quicker for processors like this one
# and unusable on others.
ARG CMAKE_ARGS=-DGGML_NATIVE=OFF
RUN CMAKE_ARGS="$CMAKE_ARGS" pip install -c constraints.txt llama-cpp-python

# [milvus] and [ray] for more machines, [remote] for models on a server, [ocr] for scans
ARG EXTRAS=milvus,ocr,ray,remote
COPY pyproject.toml README.md LICENSE ./
COPY rag rag
COPY ingest ingest
COPY ui ui
RUN pip install -c constraints.txt ".[$EXTRAS]"

FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 rag \
    && useradd --uid 10001 --gid rag --no-create-home --home-dir /state rag \
    && install --directory --owner=rag --group=rag --mode=0700 /index /models /state
COPY --from=build /opt/rag /opt/rag

# Nothing is fetched while it runs: a model is put into /models, or `rag model pull` is run with HF_HUB_OFFLINE=0.
ENV PATH=/opt/rag/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    HOME=/state \
    XDG_CACHE_HOME=/state/cache \
    XDG_DATA_HOME=/state/data \
    RAG_INDEX=/index
USER 10001:10001
WORKDIR /state
VOLUME ["/index", "/models", "/state"]
EXPOSE 18888

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:18888/health', timeout=4)"]

# On every address of the container's, which asks for a key: RAG_API_KEYS.
ENTRYPOINT ["rag"]
CMD ["serve", "--host", "0.0.0.0"]
