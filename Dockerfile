# The server in a container.
#   on stdio:   docker run --rm -i -e LAYERS_API_KEY -v layers-mcp:/state IMAGE
#   over HTTP:  docker run --rm --read-only --tmpfs /tmp -p 8000:8000 IMAGE \
#                 http --host 0.0.0.0 --public-url https://mcp.example.com/mcp --journal-url postgresql://…
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY layers_mcp layers_mcp
RUN python -m venv /opt/layers-mcp && /opt/layers-mcp/bin/pip install --no-cache-dir '.[postgres,telemetry]'

FROM python:3.13-slim
LABEL io.modelcontextprotocol.server.name="io.github.layers-mcp/layers-mcp" \
      org.opencontainers.image.source="https://github.com/layers-mcp/layers-mcp" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home layers && install --directory --owner layers --mode 700 /state
COPY --from=build /opt/layers-mcp /opt/layers-mcp
ENV PATH="/opt/layers-mcp/bin:$PATH" LAYERS_STATE_DIR=/state PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER layers
VOLUME /state
EXPOSE 8000
STOPSIGNAL SIGTERM
# Live as long as the HTTP server answers; a container on stdio has no port and is live while it runs.
HEALTHCHECK --interval=10s --timeout=5s CMD ["python", "-c", \
    "import os, sys, urllib.request as u; cmd = open('/proc/1/cmdline').read().split(chr(0)); \
'http' in cmd and u.urlopen('http://127.0.0.1:%s/health/live' % os.environ.get('LAYERS_HTTP_PORT', '8000'), timeout=3)"]
ENTRYPOINT ["layers-mcp"]
