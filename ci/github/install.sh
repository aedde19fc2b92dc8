#!/bin/bash
# install.sh: gmsa-doctor into a virtual environment of its own, for the steps that follow. Part of action.yml.
set -euo pipefail
version=${INPUT_VERSION:-} python=${INPUT_PYTHON:-python3}

refuse() {
    echo "gmsa-doctor: $1" >&2
    exit 2
}

# What pip gets is a version, and never an option or an address.
if [[ -n $version && ! $version =~ ^[0-9][0-9A-Za-z.!+]*$ ]]; then
    refuse "version: give the number of a release, such as 0.1.0"
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    refuse "python: Python 3.11 or later is needed; actions/setup-python installs one"

venv=$(mktemp -d "$RUNNER_TEMP/gmsa-doctor-XXXXXX")
"$python" -m venv "$venv"
"$venv/bin/python" -m pip --quiet --disable-pip-version-check install \
    "${version:+gmsa-doctor==}${version:-$GITHUB_ACTION_PATH}"
"$venv/bin/gmsa-doctor" --version
echo "command=$venv/bin/gmsa-doctor" >>"$GITHUB_OUTPUT"
