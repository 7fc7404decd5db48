# The server in a container, on stdio: docker run --rm -i -e LAYERS_API_KEY -v layers-mcp:/state IMAGE
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY layers_mcp layers_mcp
RUN python -m venv /opt/layers-mcp && /opt/layers-mcp/bin/pip install --no-cache-dir '.[postgres]'

FROM python:3.13-slim
LABEL io.modelcontextprotocol.server.name="io.github.layers-mcp/layers-mcp" \
      org.opencontainers.image.source="https://github.com/layers-mcp/layers-mcp" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home layers && install --directory --owner layers --mode 700 /state
COPY --from=build /opt/layers-mcp /opt/layers-mcp
ENV PATH="/opt/layers-mcp/bin:$PATH" LAYERS_STATE_DIR=/state PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER layers
VOLUME /state
ENTRYPOINT ["layers-mcp"]
