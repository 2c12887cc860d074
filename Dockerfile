# Any image with Python 3.13 on glibc will do; name it by digest for a build that can be repeated.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src

# The locked dependencies first: they change less often than the code.
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN ["python", "-m", "venv", "/opt/build"]
RUN ["/opt/build/bin/python", "-m", "pip", "install", "--only-binary=:all:", "--require-hashes", "-r", "requirements/build.txt"]
RUN ["python", "-m", "venv", "/opt/entente"]
RUN ["/opt/entente/bin/python", "-m", "pip", "install", "--only-binary=:all:", "--require-hashes", "-r", "requirements/runtime.txt"]

COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN ["/opt/build/bin/python", "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "/wheels", "."]
RUN ["/opt/entente/bin/python", "-m", "pip", "install", "--no-deps", "--no-index", "--find-links", "/wheels", "entente"]
RUN ["/opt/entente/bin/python", "-m", "pip", "check"]
# What runs has no need to install anything.
RUN ["/opt/entente/bin/python", "-m", "pip", "uninstall", "--yes", "pip"]

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="entente" \
      org.opencontainers.image.description="Organisations that do not trust each other share one GPU estate" \
      org.opencontainers.image.licenses="Apache-2.0"
# The root file system may be read-only.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=build /opt/entente /opt/entente
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/opt/entente/bin/entente"]
CMD ["operator"]
