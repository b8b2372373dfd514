# Lossdeck as one image: the server, the workers and the command line are the same program.
#
#   docker build -t lossdeck .
#   docker run --rm -p 127.0.0.1:8000:8000 -e LOSSDECK_TOKEN=... -v lossdeck-data:/data lossdeck
#
# Any base with Python 3.11.4 or newer and its venv module will do; both stages must use the same one.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS builder
WORKDIR /build
# Two environments: /opt/tools builds and stays behind, /opt/lossdeck is what the image runs and has not even pip.
RUN python3 -m venv /opt/tools && python3 -m venv --without-pip /opt/lossdeck
COPY requirements.txt requirements-postgres.txt requirements-build.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/tools/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements-build.txt \
 && /opt/tools/bin/pip --python /opt/lossdeck/bin/python install -q --disable-pip-version-check \
        --require-hashes -r requirements.txt -r requirements-postgres.txt
COPY pyproject.toml README.md ./
COPY app ./app
COPY worker ./worker
COPY store ./store
COPY learning ./learning
COPY templates ./templates
COPY static ./static
COPY migrations ./migrations
RUN /opt/tools/bin/pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation --no-index -w dist . \
 && /opt/tools/bin/pip --python /opt/lossdeck/bin/python install -q --disable-pip-version-check \
        --no-deps --no-index dist/*.whl

FROM ${BASE}
# A number, so that an orchestrator can see that it is not root; the folder exists so that a fresh volume is ours.
RUN groupadd --gid 10001 lossdeck \
 && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin lossdeck \
 && install -d -o 10001 -g 10001 -m 0750 /data
COPY --from=builder /opt/lossdeck /opt/lossdeck
# Inside a container loopback is not reachable from outside, so it listens everywhere, which takes a token.
ENV PATH=/opt/lossdeck/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LOSSDECK_HOME=/data \
    LOSSDECK_HOST=0.0.0.0 \
    LOSSDECK_PORT=8000
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['LOSSDECK_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["lossdeck"]
CMD ["up"]
