# Eureka without a GPU, and its tests. `--init` reaps the processes that a killed run or a test leaves behind.
#
#   docker build --tag eureka .                      docker run --rm --init eureka
#   docker build --tag eureka-test --target test .   docker run --rm --init --shm-size 1g eureka-test
#
# `docker run ... eureka eureka COMMAND` runs any command. A volume keeps the runs:
# `docker run --rm --init --volume eureka-runs:/home/eureka/eureka/runs eureka`.
#
# The sandbox works with Docker's default profile, which allows a process to restrict itself (seccomp, prctl, and from
# Docker 23 Landlock; before that the level is strict-noland). `docker run ... eureka eureka doctor` prints the level. A
# profile that forbids seccomp(2) stops every run at its start; add `--security-opt seccomp=unconfined`, or give
# `eureka run --sandbox container` in a container that holds no key and no file of value. See docs/sandbox.md.

FROM python:3.11-slim AS base
# Mesa's EGL draws films without a screen.
RUN apt-get update && apt-get install --yes --no-install-recommends libegl1 make && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 eureka && install --directory --owner=eureka /home/eureka/eureka
USER eureka
WORKDIR /home/eureka/eureka
ENV PATH=/home/eureka/eureka/.venv/bin:$PATH
# The default torch brings several gigabytes of CUDA; `--build-arg PIP_EXTRA_INDEX_URL=...` may name an index of CPU builds.
ARG PIP_EXTRA_INDEX_URL
COPY --chown=eureka . .
RUN --mount=type=cache,target=/home/eureka/.cache/pip,uid=1000 make .venv/.run

FROM base AS test
USER root
RUN apt-get update && apt-get install --yes --no-install-recommends chromium && rm -rf /var/lib/apt/lists/*
USER eureka
RUN --mount=type=cache,target=/home/eureka/.cache/pip,uid=1000 make .venv/.dev
CMD ["make", "test"]

FROM base
CMD ["make", "run"]
