# A mock of language models' APIs for containers and compose files: `orharness serve` on port 8181.
#
#   docker build -t orharness . && docker run --rm -p 127.0.0.1:8181:8181 orharness
#
# It listens on every address of the container; what of it is published is for `docker run -p` to say. It has no control
# API unless ORHARNESS_TOKEN is set.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY cassettes cassettes
COPY orharness orharness
RUN python -m venv /opt/orharness \
    && /opt/orharness/bin/pip install --no-cache-dir --disable-pip-version-check . \
    && /opt/orharness/bin/pip uninstall --yes pip

FROM python:3.13-slim
COPY --from=build /opt/orharness /opt/orharness
ENV PATH=/opt/orharness/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ORHARNESS_SERVE_HOST=0.0.0.0 \
    ORHARNESS_SERVE_PORT=8181 \
    ORHARNESS_SERVE_CONTROL=token
WORKDIR /work
USER 10001:10001
EXPOSE 8181
HEALTHCHECK --interval=5s --timeout=3s CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8181), 2).close()"]
ENTRYPOINT ["orharness"]
CMD ["serve"]
