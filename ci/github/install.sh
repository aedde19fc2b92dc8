#!/bin/bash
# install.sh: installs gmsa-doctor into its own virtual environment, for the next steps. Part of action.yml.
set -euo pipefail
version=${INPUT_VERSION:-} python=${INPUT_PYTHON:-python3}

refuse() {
    echo "gmsa-doctor: $1" >&2
    exit 2
}

# Only a version reaches pip, never an option or a URL.
if [[ -n $version && ! $version =~ ^[0-9][0-9A-Za-z.!+]*$ ]]; then
    refuse "version: give the number of a release, such as 0.1.0"
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    refuse "python: Python 3.11 or later is required; actions/setup-python installs it"

venv=$(mktemp -d "$RUNNER_TEMP/gmsa-doctor-XXXXXX")
"$python" -m venv "$venv"
"$venv/bin/python" -m pip --quiet --disable-pip-version-check install \
    "${version:+gmsa-doctor==}${version:-$GITHUB_ACTION_PATH}"
"$venv/bin/gmsa-doctor" --version
echo "command=$venv/bin/gmsa-doctor" >>"$GITHUB_OUTPUT"
