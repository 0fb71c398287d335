# OpenLearn. `make` lists what can be done; `make run` and `make test` need Go and nothing else set up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PACKAGES ?= ./...
TOOL := go tool -modfile=tools/go.mod
# What `make verify` gives each long proof and each fuzz function.
VERIFY_FOR ?= 10m
FUZZ_FOR ?= 1m

# Servers that the tests are given need not be installed. What is only wanted is installed where that is possible; else its
# tests are skipped, and say so.
TEST_WANTS := chromium promtool
TEST_NEEDS := cc postgres redis
ifneq ($(and $(TEST_DATABASE_URL),$(TEST_REDIS_URL)),)
TEST_NEEDS := cc
endif
ifeq ($(TESTCONTAINERS),1)
TEST_NEEDS := cc
endif

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## start everything on http://localhost:8000: private PostgreSQL and Redis, migrations, sample, service
	@scripts/ensure-installed postgres redis
	@$(MAKE) build
	@exec bin/openlearn dev

# The version is stamped by us: go's own stamping fails on a checkout that belongs to another user (sudo, containers).
.PHONY: build
build: ## bin/openlearn, static, with its version
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/openlearn .

.PHONY: test
test: ## every test, with the race detector, on real PostgreSQL, Redis and Chromium
	@scripts/ensure-installed $(TEST_NEEDS)
	@scripts/ensure-installed $(TEST_WANTS) || echo "going on without: tests that need them are skipped" >&2
	@scripts/ensure-installed node || echo "going on without: the test of the TypeScript client is skipped" >&2
	@CGO_ENABLED=1 go test -race -timeout 45m -v $(PACKAGES) 2>&1 | scripts/test-summary

.PHONY: lint
lint: ## go vet, staticcheck, gofumpt
	@go vet ./...
	@$(TOOL) staticcheck ./...
	@unformatted=$$($(TOOL) gofumpt -l .); if [ -n "$$unformatted" ]; then echo "make fmt is due for:"; echo "$$unformatted"; exit 1; fi

.PHONY: fmt
fmt: ## format the code
	@$(TOOL) gofumpt -w .

.PHONY: bench
bench: bench-go bench-cache bench-http bench-replay bench-search bench-people ## every measurement of docs/benchmarks.md (about half an hour)

.PHONY: eval-nlp
eval-nlp: ## measure the Spanish NLP engine on the reference data (OPENLEARN_DATA; PROOF=1 trains on research data first)
	@go run . nlp eval $(if $(PROOF),--proof)

.PHONY: bench-go
bench-go: ## the benchmarks of single packages (BENCH=regexp for some)
	@scripts/ensure-installed postgres redis
	@go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -timeout 60m $(PACKAGES)

.PHONY: bench-cache
bench-cache: ## the table of docs/benchmarks.md that sets the cache beside other libraries
	@scripts/ensure-installed redis
	@cd internal/cache/benchpeers && go test -count=1 -timeout 60m -run TestTable -v .

.PHONY: eval-extraction
eval-extraction: ## the extractor beside other libraries on recorded pages (OPENLEARN_DATA=where they are; skipped without)
	@cd internal/scraping/extract/benchpeers && go test -count=1 -timeout 60m -run TestTable -v .

.PHONY: bench-http
bench-http: ## the service under wrk, beside bare Echo, nginx and Varnish
	@scripts/ensure-installed postgres redis wrk nginx varnish
	@OPENLEARN_LOAD=1 go test -count=1 -timeout 60m -run TestLoadHTTP -v ./internal/app

.PHONY: bench-replay
bench-replay: ## a day's requests on 100,000 articles, beside what an ideal cache would do (OPENLEARN_LOAD_ARTICLES, OPENLEARN_LOAD_REQUESTS)
	@scripts/ensure-installed postgres redis
	@OPENLEARN_LOAD=1 go test -count=1 -timeout 60m -run TestLoadReplay -v ./internal/app

.PHONY: bench-search
bench-search: ## 200 searches over 100,000 articles, beside counting and ranking every match (OPENLEARN_LOAD_ARTICLES)
	@scripts/ensure-installed postgres
	@OPENLEARN_LOAD=1 go test -count=1 -timeout 60m -run TestLoadSearch -v ./internal/articles

.PHONY: bench-people
bench-people: ## what answers about accounts tell by their time (Mann-Whitney), and what 200 logins at once cost others (OPENLEARN_LOAD_TIMINGS)
	@scripts/ensure-installed postgres redis
	@OPENLEARN_LOAD=1 go test -count=1 -timeout 60m -run 'TestLoadTimings|TestLoadLogins' -v ./internal/app

.PHONY: verify
verify: ## the long proofs (VERIFY_FOR=10m each) and every fuzz function (FUZZ_FOR=1m each)
	@scripts/ensure-installed $(TEST_NEEDS)
	@scripts/ensure-installed $(TEST_WANTS) varnish || echo "going on without: tests that need them are skipped" >&2
	@scripts/ensure-installed node || echo "going on without: the test of the TypeScript client is skipped" >&2
	@OPENLEARN_VERIFY=$(VERIFY_FOR) CGO_ENABLED=1 go test -race -count=1 -timeout 120m -v $(PACKAGES) 2>&1 | scripts/test-summary
	@scripts/fuzz $(FUZZ_FOR)

.PHONY: faults
faults: ## docs/reliability.md: some thirty faults under load, 45 minutes (FAULTS=regexp for some, SOAK=1m for a short soak)
	@scripts/ensure-installed postgres redis
	@$(MAKE) build
	@OPENLEARN_FAULTS=bin/openlearn OPENLEARN_FAULTS_REPORT=docs/reliability.md FAULTS='$(FAULTS)' SOAK=$(or $(SOAK),30m) \
	go test -count=1 -timeout 180m -run '^TestFaults$$' -v ./internal/faults

.PHONY: conformance
conformance: ## the public HTTP cache suite against `openlearn cache-proxy`, three runs (needs node and npm; RUNS=1, ONLY=ids, SUITE=checkout)
	@scripts/ensure-installed redis
	@$(MAKE) build
	@scripts/conformance

.PHONY: dashboards
dashboards: ## the Grafana dashboards against Grafana's own types (needs node and npm)
	@scripts/check-dashboards

.PHONY: image
image: ## the container image, openlearn:local
	@docker build --build-arg VERSION=$(VERSION) -t openlearn:local .

.PHONY: up
up: ## the service in containers, on http://localhost:8000 (APPS=3: three of it, on ports of 8000-8009)
	@VERSION=$(VERSION) APP_PORTS=$(if $(APPS),8000-8009,8000) docker compose up -d --build --wait --scale app=$(or $(APPS),1)
	@docker compose ps --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}'

.PHONY: monitor
monitor: ## what `make up` does, with Prometheus on :9090 and Grafana on :3001 (GRAFANA_PASSWORD=…; made up if there is none)
	@export GRAFANA_PASSWORD=$${GRAFANA_PASSWORD:-$$(head -c 12 /dev/urandom | base64 | tr '+/' '-_')}; \
	VERSION=$(VERSION) APP_PORTS=$(if $(APPS),8000-8009,8000) docker compose --profile monitoring up -d --build --wait --scale app=$(or $(APPS),1); \
	docker compose --profile monitoring ps --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}'; \
	echo "Grafana: http://localhost:$${GRAFANA_PORT:-3001}, user admin, password $$GRAFANA_PASSWORD"

.PHONY: down
down: ## stop the containers; their data stays
	@docker compose --profile monitoring down

.PHONY: clean
clean: ## remove what was built; the data of `make run` stays (see .dev, and /var/lib/openlearn when root ran it)
	@rm -rf bin
