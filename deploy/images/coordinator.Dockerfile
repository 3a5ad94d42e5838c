# The coordinator, without root. Build it from the root of the repository:
#   docker build -f deploy/images/coordinator.Dockerfile -t help-coord .
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY help_core help_core
COPY agent agent
COPY coordinator coordinator
COPY deploy deploy
COPY proto proto
RUN python -m venv /opt/help-fleet
# torch's own index has builds for processors alone; without it come gigabytes for GPUs.
RUN /opt/help-fleet/bin/python -m pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -c constraints.txt ".[coordinator,postgres]"

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/help-fleet --create-home --shell /usr/sbin/nologin help
COPY --from=build /opt/help-fleet /opt/help-fleet
COPY deploy/images/entrypoint.sh /usr/local/bin/entrypoint.sh
ENV PATH=/opt/help-fleet/bin:$PATH XDG_DATA_HOME=/var/lib XDG_CONFIG_HOME=/var/lib/help-fleet/config
USER 10001:10001
VOLUME /var/lib/help-fleet
EXPOSE 50051 50052
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9464/readyz', timeout=3)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["sh", "/usr/local/bin/entrypoint.sh"]
CMD ["serve", "--listen", "0.0.0.0:50051", "--tls", "--metrics", "0.0.0.0:9464", "--log-format", "json"]
