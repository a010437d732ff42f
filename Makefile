# make run    builds Danh and starts it with its sandbox neighbours and sample people
# make test   installs what the tests need and runs everything, on both databases
# make check  the static checks (vet among them, so the tests go without)
SHELL := /bin/bash
GO ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
# The race detector watches everything but SQLite's engine, compressors and arithmetic
# on pictures: others' code, or ours with one goroutine, ten times slower when watched.
# Who calls them is watched. A package that makes an instance of a generic type of sync
# or sync/atomic cannot be left out (as modernc.org/sqlite and biometric): the linker may
# take its unwatched copy for everybody's, and the detector would cry wolf.
UNWATCHED := modernc.org/sqlite/lib modernc.org/libc modernc.org/memory compress/... image/... \
	golang.org/x/image/font/... golang.org/x/image/vector github.com/miqdadyyy/go-sourceafis/... github.com/makiuchi-d/gozxing/... \
	danh/biometric/afis danh/biometric/portrait danh/biometric/raster danh/internal/fingerprint danh/internal/face
RACE := -race $(foreach p,$(UNWATCHED),-gcflags=$(p)=-race=false)
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@latest

.PHONY: build run test check vuln bench clean go
build: bin/danh demos

go:
	@command -v $(GO) >/dev/null || { echo "Go is missing. Danh needs Go 1.26 or later: install it from https://go.dev/dl/ (or your system's package golang-go) and put it on the PATH."; exit 1; }

.PHONY: bin/danh
bin/danh: go
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags="-s -w" -o bin/danh ./cmd/danh

# The demonstration partners are modules of their own, on public libraries.
.PHONY: demos
demos: go
	@mkdir -p bin
	for d in bank shop; do (cd demo/$$d && CGO_ENABLED=0 $(GO) build -trimpath -o ../../bin/danh-demo-$$d .) || exit 1; done

run: build
	@exec bin/danh up

test: go
	@scripts/test-tools
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/danh ./cmd/danh
	for d in bank shop; do (cd demo/$$d && $(GO) test $(TESTFLAGS) ./...) || exit 1; done
	DANH_BROWSER=must $(GO) test $(RACE) -vet=off -timeout 38m $(TESTFLAGS) ./...

check: go
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt these files:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	for d in bank shop; do (cd demo/$$d && $(GO) vet ./... && $(GO) mod tidy -diff && $(GO) run $(STATICCHECK) ./...) || exit 1; done
	$(GO) test -count=1 -run 'TestImportsFollowTheHouse|TestTheFenceHolds|TestDocs' .
	@$(GO) mod verify >/dev/null && $(GO) mod tidy -diff

vuln: go
	$(GO) run $(GOVULNCHECK) ./...

bench: build
	bin/danh bench

clean:
	rm -rf bin
