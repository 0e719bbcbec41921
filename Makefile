# `make help` lists the targets. All downloads go below target/.

PYTHON   ?= python3
PARTS    := $(PYTHON) tests/parts/get.py
PARTS_PY := PYTHONPATH=tests/parts target/parts/modern/bin/python
RUFF     := target/parts/modern/bin/ruff
TYPOS    := target/parts/docs/bin/typos
WASM     := wasm32-wasip1
LINUX    := x86_64-unknown-linux-musl
PORT     ?= 10000

.DEFAULT_GOAL := help
.PHONY: help build approvals policy image images programs dist reproduce parts envoy-image run demo screenshot docs test test-rust test-envoy test-docs broken lint audit advisories versions format cost worst differential fuzz bench bench-report bench-replay soak scale clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the module, target/wasm32-wasip1/release/mcp_policy_filter.wasm
	@! command -v rustup >/dev/null || rustup target list --installed | grep -qx $(WASM) || rustup target add $(WASM)
	@cargo build --release --target $(WASM) -p mcp-policy-filter --config "$$(release/paths.sh $(WASM))"

approvals: ## build the approval service, target/release/mcp-approvals
	cargo build --release -p mcp-approvals

policy: ## build the policy author's command, target/release/mcp-policy
	cargo build --release -p mcp-policy

image: build ## write the module's OCI image, target/image/mcp-policy-filter
	@$(PYTHON) release/layout.py module target/$(WASM)/release/mcp_policy_filter.wasm target/image/mcp-policy-filter

images: image programs ## write the OCI images of the module, of mcp-approvals and of mcp-policy, target/image/
	@for name in mcp-approvals mcp-policy; do \
		$(PYTHON) release/layout.py program target/$(LINUX)/release/$$name target/image/$$name || exit 1; \
	done

programs: ## build mcp-approvals and mcp-policy for any Linux, target/x86_64-unknown-linux-musl/release/
	@! command -v rustup >/dev/null || rustup target list --installed | grep -qx $(LINUX) || rustup target add $(LINUX)
	@cargo build --release --target $(LINUX) -p mcp-approvals -p mcp-policy --config "$$(release/paths.sh $(LINUX))"

dist: images ## collect the files of a release with checksums and lists of packages, target/dist/; needs cargo-cyclonedx
	@release/dist.sh

reproduce: ## build the last commit's module in two folders and compare: some minutes
	@release/reproduce.sh

# The tests and the demo use the debug build, because it builds fastest.
target/debug/mcp-approvals: FORCE
	cargo build -p mcp-approvals
target/debug/mcp-policy: FORCE
	cargo build -p mcp-policy
target/debug/mcp-policy-ratelimit: FORCE
	cargo build -p mcp-policy-ratelimit
FORCE:

parts: ## download what the tests run: Envoy, MCP servers and clients, Node, a browser, PostgreSQL, Prometheus, Redis, a registry
	@$(PARTS) modern legacy npm chromium prometheus redis registry manifests image

envoy-image: ## build a container image of Envoy, for machines that cannot pull one
	@$(PARTS) modern
	@$(PYTHON) tests/parts/image.py

run: build ## run Envoy in front of your server: UPSTREAM=host:port POLICY=file [PORT=10000]
	@$(PARTS) modern image
	@$(PARTS_PY) tests/envoy/run.py --upstream "$(UPSTREAM)" --policy "$(POLICY)" --port $(PORT)

demo: build target/debug/mcp-approvals target/debug/mcp-policy ## show policies/aipaygen.json between a real client and AiPayGen's server
	@$(PARTS) modern legacy image
	@$(PARTS_PY) tests/envoy/demo.py

screenshot: target/debug/mcp-approvals target/debug/mcp-policy ## take the README's pictures of an approval's page and of a report
	@$(PARTS) modern npm chromium
	@$(PARTS_PY) tests/envoy/screenshot.py

docs: ## build docs/ as a web site, target/book, and check its links; REPOSITORY=https://… is where links to other files lead
	@$(PARTS) mdbook
	@$(PYTHON) release/book.py target/parts/mdbook/bin/mdbook "$(REPOSITORY)"

test: test-rust test-envoy test-docs ## run all tests

test-rust:
	cargo test --workspace

test-envoy: build target/debug/mcp-approvals target/debug/mcp-policy target/debug/mcp-policy-ratelimit parts
	$(PARTS_PY) -m pytest tests/envoy --numprocesses auto --maxprocesses 4 --dist worksteal $(ARGS)

versions: build ## run the smoke test and the decisions with several versions of Envoy; VERSIONS="1.37.0 1.40.0" chooses
	@$(PARTS) modern
	@$(PARTS_PY) tests/envoy/versions.py $(VERSIONS)

audit: ## check licences and sources of all dependencies, and that every file of the repository has a licence
	@$(PARTS) audit
	target/parts/audit/bin/cargo-deny --locked check licenses bans sources
	target/parts/audit/bin/cargo-deny --locked --manifest-path tests/fuzz/Cargo.toml --config deny.toml check --allow license-not-encountered licenses bans sources
	target/parts/audit/bin/reuse lint --quiet || target/parts/audit/bin/reuse lint

advisories: ## check all dependencies for known faults and for crates that nobody maintains; fetches the RustSec database
	@$(PARTS) audit
	target/parts/audit/bin/cargo-deny --locked check advisories
	target/parts/audit/bin/cargo-deny --locked --manifest-path tests/fuzz/Cargo.toml --config deny.toml check advisories

test-docs: build target/debug/mcp-policy ## check the documents: links, anchors, and every snippet of JSON and YAML
	@$(PARTS) modern docs
	@PYTHONPATH=tests/parts target/parts/docs/bin/python -m pytest tests/docs $(ARGS)

broken: ## break promises of SECURITY.md on purpose, in a copy, and show that their tests fail: some minutes
	@$(PYTHON) tests/broken/broken.py

lint: audit ## check format and lints: Rust (native and wasm), Python, the workflows of GitHub, and spelling; and audit
	@$(PARTS) modern manifests docs
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --target $(WASM) -p mcp-policy-filter -- -D warnings
	cargo clippy --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz --all-targets -- -D warnings
	$(RUFF) check --no-cache --quiet --config tests/parts/ruff.toml tests release
	$(RUFF) format --no-cache --quiet --check --config tests/parts/ruff.toml tests release
	target/parts/manifests/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	target/parts/manifests/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(TYPOS) --format brief

format: ## format the Rust and the Python
	@$(PARTS) modern
	cargo fmt --all
	cargo fmt --manifest-path tests/fuzz/Cargo.toml
	$(RUFF) check --no-cache --quiet --fix --select I --config tests/parts/ruff.toml tests release
	$(RUFF) format --no-cache --quiet --config tests/parts/ruff.toml tests release

cost: build ## count operations, allocations and host calls of fixed requests; UPDATE=1 rewrites the table, PROFILE=REQUEST lists functions
	@cargo run --quiet --profile measure -p mcp-policy-cost -- \
		target/$(WASM)/release/mcp_policy_filter.wasm \
		$(if $(PROFILE),--profile "$(PROFILE)",tests/cost/expected.json $(if $(UPDATE),--update))
	@$(if $(UPDATE),target/measure/mcp-policy-cost target/$(WASM)/release/mcp_policy_filter.wasm --parts tests/cost/parts.json)
	@$(if $(UPDATE),PYTHONPATH=tests:tests/parts $(PYTHON) -m bench.peers.page)

worst: build ## look for the costliest requests under many policies; WORST=WORD looks only at policies with this word in their names
	@cargo run --quiet --profile measure -p mcp-policy-cost -- \
		target/$(WASM)/release/mcp_policy_filter.wasm --worst "$(WORST)"

differential: build ## compare the module on random requests with the same code built for this machine; COUNT, SEED
	@cargo run --quiet --profile measure -p mcp-policy-cost -- \
		target/$(WASM)/release/mcp_policy_filter.wasm --differential "$(or $(COUNT),20000)" "$(or $(SEED),1)"

fuzz: ## look for inputs that break the engine: TARGET=name for one target of tests/fuzz, SECONDS=20 for each, JOBS=2 at a time; UPDATE=1 chooses tests/fuzz/corpus anew
	@$(PARTS) modern
	@$(PARTS_PY) tests/fuzz/run.py $(if $(TARGET),--target "$(TARGET)") --seconds "$(or $(SECONDS),20)" --jobs "$(or $(JOBS),2)" $(if $(UPDATE),--update)

bench: build ## measure Envoy's CPU time, compared with its native mcp and rbac filters; ARGS=--quick takes two minutes, ARGS=--worst measures calls that cause much work, ARGS=--shared limits that Envoys share, ARGS=--peers Lua and services
	@$(PARTS) modern $(if $(findstring --shared,$(ARGS)),redis)
	@cargo build --quiet --profile measure -p mcp-policy-load $(if $(findstring --shared,$(ARGS)),-p mcp-policy-ratelimit) \
		$(if $(findstring --peers,$(ARGS)),-p mcp-policy-allow)
	@PYTHONPATH=tests:tests/parts:tests/envoy target/parts/modern/bin/python -m bench $(ARGS)

bench-report: build ## measure the filter beside Lua, ext_authz and ext_proc, and write docs/performance.md with its plot: 15 to 20 minutes; ARGS=--quick takes less than five
	@$(PARTS) modern docs
	@cargo build --quiet --profile measure -p mcp-policy-load -p mcp-policy-allow
	@PYTHONPATH=tests:tests/parts:tests/envoy target/parts/modern/bin/python -m bench --peers --write $(ARGS)
	@PYTHONPATH=tests:tests/parts target/parts/docs/bin/python -m bench.peers.plot

bench-replay: ## measure how fast mcp-policy reads a log of 1 GiB, and its memory; SIZE=bytes
	@cargo build --quiet --release -p mcp-policy
	@SIZE="$(or $(SIZE),1073741824)" $(PARTS_PY) tests/bench/replay.py

soak: build ## send ten million requests through an Envoy; check every count, and its memory: an hour or less; REQUESTS, WORKERS, UPDATE=1 writes docs/soak.md
	@$(PARTS) modern
	@cargo build --quiet --profile measure -p mcp-policy-load
	@REQUESTS="$(REQUESTS)" WORKERS="$(WORKERS)" UPDATE="$(UPDATE)" PYTHONPATH=tests:tests/parts:tests/envoy \
		target/parts/modern/bin/python -m bench.soak

scale: $(if $(findstring --paper,$(ARGS)),,build) ## print the tables of docs/scale.md, about fleets: some minutes; ARGS=--quick is faster, ARGS="--paper proxies=50" only computes, UPDATE=1 writes the document
	@$(PARTS) modern redis
	@$(if $(findstring --paper,$(ARGS)),,cargo build --quiet --profile measure -p mcp-policy-load -p mcp-policy-ratelimit -p mcp-approvals)
	@MCP_POLICY_APPROVALS=target/measure/mcp-approvals PYTHONPATH=tests:tests/parts:tests/envoy \
		target/parts/modern/bin/python -m scale $(ARGS)

clean: ## remove all builds and downloads
	cargo clean
