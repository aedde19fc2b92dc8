# Two commands do it all on a fresh Debian 12, as root: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
SCRIPTS := tests/lab/scripts
READY := $(VENV)/.ready
JOBS ?= 4

export GMSA_LAB ?= required
# A user's installation is compiled; so is ours, for the bench and for speed.
unexport PYTHONDONTWRITEBYTECODE

SECONDS ?= 300

TENTH ?=

.PHONY: demo test test-full test-image lint docs bench fuzz lab packages shell wheel image sbom constraints clean

demo: $(READY) lab            ## the main job, against an embedded AWS and a real AD: one service that works, one that does not
	$(VENV)/bin/python -m tests.lab.demo

# The linters run beside the tests, and report after them.
with_lint = log=$$(mktemp); $(MAKE) --no-print-directory lint >$$log 2>&1 & lint=$$!; \
    code=0; $(1) || code=$$?; wait $$lint || code=$$?; cat $$log; rm $$log; exit $$code

test: $(READY) lab            ## everything but the image: linters, types, structure, all tests (TENTH=0 to 9: of the scenarios, as test-full)
	@$(call with_lint,$(VENV)/bin/python -m pytest -n $(JOBS) --dist worksteal --ignore tests/image $(if $(TENTH),--tenth $(TENTH)))

test-full: $(READY) lab       ## as test, with every scenario through the real command and the embedded AWS
	@$(call with_lint,$(VENV)/bin/python -m pytest -n $(JOBS) --dist worksteal --ignore tests/image --through-process)

test-image: $(READY) lab image ## the image, as it runs in a task
	$(VENV)/bin/python -m pytest tests/image

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/hadolint Dockerfile
	$(VENV)/bin/python docs/generate.py --check

docs: $(READY) lab            ## write the generated pages, examples and pictures again, from real runs in the lab
	$(VENV)/bin/python -m tests.scenarios.examples
	$(VENV)/bin/python -m tests.lab.capture
	$(VENV)/bin/python -m docs.screenshot
	$(VENV)/bin/python docs/generate.py

bench: $(READY) lab           ## ratios: start-up, live flow, static check
	$(VENV)/bin/python -m tests.bench

fuzz: $(READY)                ## the parsers of foreign bytes and texts, SECONDS each (an input that breaks one is kept), and all properties at random
	nice -n 15 $(VENV)/bin/python -m pytest -n $(JOBS) --hypothesis-profile search -m hypothesis --ignore tests/image
	nice -n 15 $(VENV)/bin/python -m tests.fuzz --seconds $(SECONDS)

shell: $(READY) lab           ## keep the lab up, with a shell to try things in
	$(VENV)/bin/python -m tests.lab.demo --shell

wheel: $(READY)
	rm -rf dist
	$(VENV)/bin/python -m hatchling build -t wheel
	$(VENV)/bin/check-wheel-contents dist/*.whl

image:                        ## build the image without a docker engine; localhost/gmsa-doctor in /tmp/gmsa-images
	tests/image/build-image

sbom: $(READY) image          ## what is in the image, as CycloneDX
	$(VENV)/bin/python -m tests.image.sbom dist/gmsa-doctor.cdx.json

lab: packages                 ## unpack the AD domain controller, once
	$(SCRIPTS)/bootstrap

packages:
	$(SCRIPTS)/install-packages

$(READY): pyproject.toml constraints.txt $(SCRIPTS)/install-dev | packages
	$(SCRIPTS)/install-dev $(VENV)
	touch $@

constraints:                  ## pin the newest versions again (needs uv)
	uv pip compile --quiet --upgrade pyproject.toml --extra live --group dev --generate-hashes --no-emit-index-url \
	    --no-annotate --no-header --python-version 3.11 --universal --output-file constraints.txt

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
