# The application with its locked dependencies; what it keeps lies in the volume. See docs/operating.md.
# The digest is that of the image for all machines; a newer one comes with
#   docker buildx imagetools inspect python:3.11-slim
FROM python:3.11.16-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7

RUN useradd --create-home --uid 10001 switchboard \
    && install -d -o switchboard /var/lib/switchboard
WORKDIR /opt/switchboard

# First what seldom changes, so that a new version of the program installs nothing anew.
COPY requirements.lock .
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --no-input --require-hashes -r requirements.lock

COPY app.py ./
COPY kpi kpi
COPY pages pages
COPY seed seed
COPY .streamlit .streamlit

ENV KPI_HOME=/var/lib/switchboard PYTHONDONTWRITEBYTECODE=1
VOLUME /var/lib/switchboard
USER switchboard
EXPOSE 8501
HEALTHCHECK --start-period=60s \
    CMD [".venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/healthz', timeout=20)"]
CMD [".venv/bin/streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]
