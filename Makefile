# make run     builds and starts the server; ARGS are its flags
# make test    everything that must pass, after installing what the tests need: see scripts/ensure.sh
# The rest: build, unit, served, race, e2e, lint, fuzz, bench, bench-quick, generate

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PACKAGES := ./...
RACE := ./internal/db/... ./internal/op/... ./internal/secret/... ./internal/server/... ./internal/v3/...
# Of these the tests that do much at once, by their names.
RACE_SIGNIN := ./internal/signin ./internal/oidc ./internal/notify
RACE_TESTS := Once$$|Races?$$|AtOnce$$|AnotherServer$$|ShareTheOutbox$$|^TestFlow$$

.PHONY: run build test ensure check unit served race e2e lint fuzz bench bench-quick generate

run: build
	./guildhall serve --dev $(ARGS)

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-X main.version=$(VERSION)' -o guildhall ./cmd/guildhall

test: ensure check unit served race build e2e

ensure:
	scripts/ensure.sh

check:
	@unformatted=$$(go list -f '{{.Dir}}' ./... | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; fi
	go vet ./...

unit:
	go test $(PACKAGES)

# How much of the contract is served, as the tests count it.
served:
	@go test -count=1 -v -run 'TestContract$$|TestCoverage$$' ./internal/v2 ./internal/v3 | grep -E ' served [0-9]+ of |^(FAIL|ok)'

# The packages in which goroutines share state. The race detector needs a C compiler.
race:
	@if command -v "$$(go env CC)" >/dev/null; then set -ex; go test -race $(RACE); go test -race -run '$(RACE_TESTS)' $(RACE_SIGNIN); \
	elif [ "$$CI" = true ]; then echo "race: no C compiler"; exit 1; \
	else echo "race: left out, there is no C compiler"; fi

# The official clients against the built binary, on every engine.
e2e:
	cd e2e && node --test --test-reporter=spec

# SA1019 is left out: the wire demands an RSA padding that is deprecated.
lint: check
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -checks inherit,-SA1019,-ST1012 ./...
	bash -n scripts/*.sh .ci/run
	sh -n internal/testhall/postgres.sh

fuzz:
	scripts/fuzz.sh

# Measurements for a person to read: see bench/README.md.
bench: build
	go run ./bench $(ARGS)

bench-quick: build
	go run ./bench -engines sqlite -sizes 1000 -time 1s $(ARGS)

generate:
	go generate ./...
