#!/bin/bash
# install.sh: installs gmsa-doctor into its own virtual environment, for the next steps. Part of action.yml.
set -euo pipefail
python=${INPUT_PYTHON:-python3}

refuse() {
    echo "gmsa-doctor: $1" >&2
    exit 2
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    refuse "python: Python 3.11 or later is required; actions/setup-python installs it"

venv=$(mktemp -d "$RUNNER_TEMP/gmsa-doctor-XXXXXX")
"$python" -m venv "$venv"
pip() {
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check install "$@"
}
# The dependencies have the hashes of ci/requirements.txt. The action itself is what the workflow has pinned by its commit.
pip --require-hashes --only-binary :all: -r "$GITHUB_ACTION_PATH/ci/requirements.txt"
pip --no-index --no-deps --no-build-isolation "$GITHUB_ACTION_PATH"
"$venv/bin/gmsa-doctor" --version
echo "command=$venv/bin/gmsa-doctor" >>"$GITHUB_OUTPUT"
