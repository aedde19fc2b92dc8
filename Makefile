# On a fresh Debian 12, as root: `make demo` and `make test`. They install everything that they require.

PYTHON ?= python3
VENV ?= .venv
SCRIPTS := tests/lab/scripts
READY := $(VENV)/.ready
JOBS ?= 3

export GMSA_LAB ?= required
# Compile the modules, as in a user's installation: for speed, and for the bench.
unexport PYTHONDONTWRITEBYTECODE

SECONDS ?= 300

TENTH ?=
CHAOS_TENTH ?= 0

.PHONY: demo test test-full test-image lint docs bench chaos fuzz lab packages shell wheel image sbom site release-rehearsal constraints clean

demo: $(READY) lab            ## check one healthy and one broken service, with an embedded AWS and a real AD
	$(VENV)/bin/python -m tests.lab.demo

# The linters run in parallel with the tests; their output comes after that of the tests.
with_lint = log=$$(mktemp); $(MAKE) --no-print-directory lint >$$log 2>&1 & lint=$$!; \
    code=0; $(1) || code=$$?; wait $$lint || code=$$?; cat $$log; rm $$log; exit $$code

test: $(READY) lab            ## linters, types, structure and all tests except those of the image (TENTH=0..9: a tenth of the scenarios as in test-full)
	@$(call with_lint,$(VENV)/bin/python -m pytest -n $(JOBS) --dist worksteal --ignore tests/image \
	    --chaos-tenth $(CHAOS_TENTH) $(if $(TENTH),--tenth $(TENTH)))

test-full: $(READY) lab       ## as test, but every scenario runs with the real command and the embedded AWS
	@$(call with_lint,$(VENV)/bin/python -m pytest -n $(JOBS) --dist worksteal --ignore tests/image --through-process)

test-image: $(READY) lab image ## test the image as it runs in a task
	$(VENV)/bin/python -m pytest tests/image

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/hadolint Dockerfile
	$(VENV)/bin/python docs/generate.py --check

docs: $(READY) lab            ## generate the pages, examples and pictures from real runs in the lab
	$(VENV)/bin/python -m tests.scenarios.examples
	$(VENV)/bin/python -m tests.lab.capture
	$(VENV)/bin/python -m docs.screenshot
	$(VENV)/bin/python docs/generate.py

bench: $(READY) lab           ## measure start-up, live flow and static check
	$(VENV)/bin/python -m tests.bench

fuzz: $(READY)                ## fuzz each parser of untrusted input for SECONDS (inputs that break one are kept), and test all properties with random input
	nice -n 15 $(VENV)/bin/python -m pytest -n $(JOBS) --hypothesis-profile search -m hypothesis --ignore tests/image
	nice -n 15 $(VENV)/bin/python -m tests.fuzz --seconds $(SECONDS)

chaos: $(READY) lab           ## run the command with lying, silent and endless services, and write a table (TENTH=0..9: a tenth of it)
	$(VENV)/bin/python -m tests.chaos $(if $(TENTH),--tenth $(TENTH))

shell: $(READY) lab           ## start the lab, with a shell to try commands
	$(VENV)/bin/python -m tests.lab.demo --shell

wheel: $(READY)
	rm -rf dist
	$(VENV)/bin/python -m hatchling build -t wheel
	$(VENV)/bin/check-wheel-contents dist/*.whl

image:                        ## build the image without a container engine, as localhost/gmsa-doctor in /tmp/gmsa-images
	tests/image/build-image

sbom: $(READY) image          ## write the bill of materials of the image (CycloneDX)
	$(VENV)/bin/python -m tests.image.sbom dist/gmsa-doctor.cdx.json

site: $(READY)                ## build this version's documentation site into dist/site; fails if a link leads nowhere
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m docs.site

release-rehearsal: $(READY) packages   ## build, check and install all that a release publishes, without publishing it
	.ci/release-rehearsal

lab: packages                 ## install the AD domain controller, once
	$(SCRIPTS)/bootstrap

packages:
	$(SCRIPTS)/install-packages

$(READY): pyproject.toml constraints.txt $(SCRIPTS)/install-dev | packages
	$(SCRIPTS)/install-dev $(VENV)
	touch $@

constraints: $(READY)         ## pin the newest versions (requires uv)
	uv pip compile --quiet --upgrade pyproject.toml --extra live --extra hcl --group dev --generate-hashes --no-emit-index-url \
	    --no-annotate --no-header --python-version 3.11 --universal --output-file constraints.txt
	$(VENV)/bin/python -m tests.ci.requirements

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
