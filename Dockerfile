# The image of gmsa-doctor with its live flow, for a task in the service's subnets. To build it, see docs/image.md.
#
# BASE may have a digest: --build-arg BASE=debian:bookworm-slim@sha256:… pins the contents of the base image.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
# Debian's packages are not pinned: the archive keeps only the newest version of each.
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        gcc libc6-dev libkrb5-dev python3-dev python3-venv
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# Installs the dependencies of pyproject.toml, as constraints.txt pins them, with hashes. Debian's pip does not read hashes
# from a constraints file, so the pinned pip comes first. Only gssapi has no wheel: it is built with the pinned Cython and
# setuptools. The two secrets are for environments where pip needs a configuration, and a CA certificate that it may name
# (/run/secrets/ca.pem).
COPY pyproject.toml constraints.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    python3 -m venv /build \
 && awk '/^[a-z0-9]/ { pip = /^pip==/ } pip' constraints.txt >/tmp/pip.txt \
 && /build/bin/pip install --quiet --require-hashes -r /tmp/pip.txt \
 && /build/bin/pip install --quiet --require-hashes -c constraints.txt --only-binary :all: cython hatchling setuptools \
 && python3 -c 'import tomllib; wanted = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
        print(*wanted["dependencies"], *wanted["optional-dependencies"]["live"], sep="\n")' >/tmp/wanted.txt \
 && CFLAGS="-O2 -g0" /build/bin/pip wheel --quiet --require-hashes -c constraints.txt -r /tmp/wanted.txt \
        --only-binary :all: --no-binary gssapi --no-build-isolation --wheel-dir /wheels \
 && python3 -m venv --without-pip /opt/gmsa-doctor \
 && /build/bin/pip --python /opt/gmsa-doctor install --quiet --no-index --no-deps --no-compile /wheels/*.whl

COPY README.md LICENSE ./
COPY gmsa_doctor gmsa_doctor
COPY checks/gmsa_doctor_checks checks/gmsa_doctor_checks
# Compiles the modules once: a task has no write access, and little time. `unchecked-hash`, because the files of an image do
# not change, and so that tools that rewrite modification times do not invalidate the compiled files.
RUN /build/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir /tmp . \
 && /build/bin/pip --python /opt/gmsa-doctor install --quiet --no-index --no-deps --no-compile /tmp/*.whl \
 && /opt/gmsa-doctor/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/gmsa-doctor/lib

FROM ${BASE}
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libgssapi-krb5-2 libkrb5-3 python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/*.log
COPY --from=build /opt/gmsa-doctor /opt/gmsa-doctor

ENV PATH=/opt/gmsa-doctor/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1
# A user without a name. On Fargate, the ticket cache of Credentials Fetcher belongs to root, mode 0600: to read it, run as
# root ("user": "0" in the task definition).
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["gmsa-doctor"]

ARG BASE
ARG VERSION=
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.title="gmsa-doctor" \
      org.opencontainers.image.description="Finds why Windows authentication (gMSA) on Amazon ECS fails, and reports the fix" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
