"""The lines of a Dockerfile for a container with a gMSA.

Source: the packages that hold libgssapi_krb5 and kinit: libgssapi-krb5-2 and krb5-user (Debian, Ubuntu), krb5-libs and
krb5 (Alpine), krb5-libs and krb5-workstation (Amazon Linux, RHEL).
"""

from __future__ import annotations

from gmsa_doctor.setup.task import CACHE

DOCKERFILE = f"""\
# The Kerberos library, for Debian and Ubuntu.
# Alpine: RUN apk add --no-cache krb5-libs
# Amazon Linux, RHEL: RUN dnf install -y krb5-libs && dnf clean all
RUN apt-get update \\
 && apt-get install -y --no-install-recommends libgssapi-krb5-2 \\
 && rm -rf /var/lib/apt/lists/*
COPY krb5.conf /etc/krb5.conf
ENV KRB5CCNAME={CACHE}
"""
