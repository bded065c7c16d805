# make run      the gateway, with everything under ./data
# make demo     captures and simulated vehicles for it, in a second terminal
# make test     all tests, with all that they need
# make chaos    gateway, store, Redis and disks fail under load, at length
GO       ?= go
FUZZTIME ?= 60s
CHAOS    ?= 5
# processes under load for minutes, and for longer still under the race detector
SIEGES    = ^TestChaos|^TestScaleOut
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD     = CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

.PHONY: help build run demo test check bench bench-full bench-faults bench-fanout chaos chaos-table generate fuzz tools protocol

help: ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 15

build: ## bin/trackgate
	$(BUILD) -o bin/trackgate ./cmd/trackgate

run: build ## the gateway in the foreground; ARGS="--http :9090" for flags
	./bin/trackgate serve $(ARGS)

demo: build ## captures and simulated vehicles for a running gateway
	./bin/trackgate demo $(ARGS)

tools: ## what the tests talk to
	@.ci/tools

test: tools check ## everything; sets up what it needs
	$(GO) build -race ./...
	TRACKGATE_TEST_ALL=1 $(GO) test -race -timeout 30m -p 1 -skip '$(SIEGES)' ./...
	TRACKGATE_TEST_ALL=1 $(GO) test -timeout 30m -run '$(SIEGES)' ./cmd/trackgate
	fanout/console/check-fresh.sh
	clients/js/check-fresh.sh
	$(MAKE) fuzz FUZZTIME=300x

chaos: tools ## every fault CHAOS times as often, or as long, as `make test` has it; bin/chaos.txt says what recovery took
	@mkdir -p bin
	@echo "CHAOS=$(CHAOS) on $$(nproc) cores, load average $$(cut -d ' ' -f 1 /proc/loadavg) before it" >bin/chaos.txt
	TRACKGATE_TEST_ALL=1 TRACKGATE_TEST_CHAOS=$(CHAOS) TRACKGATE_TEST_REPORT=$(CURDIR)/bin/chaos.txt $(GO) test -v -count=1 -timeout 60m -run '^TestChaos' ./cmd/trackgate

chaos-table: ## the times of the last make chaos into docs/reliability.md
	.ci/recovery bin/chaos.txt docs/reliability.md

check: ## formatting, vet, generated files fresh
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt -w:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod verify >/dev/null
	.ci/fresh

generate: ## lists, tables and documents that are made from the code
	$(GO) generate ./...

protocol: ## begin a protocol: make protocol NAME=acme
	@cd protocols/all && $(GO) run scaffold.go $(NAME)

bench: build ## speed beside what this machine can do: a table and docs/performance.md, in minutes
	$(GO) build -o bin/bench ./cmd/bench
	./bin/bench

bench-full: build ## the same with more connections, longer, in an hour
	$(GO) build -o bin/bench ./cmd/bench
	./bin/bench -full

bench-faults: build ## what of that docs/reliability.md shows: recovery, storm, mute connections; half an hour
	$(GO) build -o bin/bench ./cmd/bench
	./bin/bench -full -only hklm

bench-fanout: build ## dashboards against the founding document's own system; ARGS="-only A -servers reference,trackgate"
	@cmp -s fanout/bench/reference/package-lock.json fanout/bench/reference/node_modules/.trackgate-lock || .ci/tools
	$(GO) build -trimpath -o bin/bench-fanout ./fanout/bench
	./bin/bench-fanout $(ARGS)

fuzz: ## every fuzz target for FUZZTIME, a duration or a count such as 300x
	@.ci/fuzz $(FUZZTIME)
