# `make help` lists the targets. They need only Go unless their line says otherwise.

GO       ?= go
PYTHON   ?= python3
TOOLS    ?= yes
PKG      ?= ./...
FUZZTIME ?= 10s
COUNT    ?= 20
RUNS     ?= 6
NAME     ?= new
OLD      ?= old
SOAK     ?= gorgonia,xla
BACKEND  ?= gorgonia
BACKENDS ?= gorgonia
MINUTES  ?= 25
KILLS    ?= 320
SEED     ?= 1
REPORT   ?=
MUTANTS  ?= .
SIZE     ?= 8
DIR      ?=
LARGE    ?=
COMMIT   ?= c754495
PROGRAM  ?=
PATIENCE ?= 1m

# Flags of the binaries. A caller that runs the tests too empties it, so that nothing is compiled twice.
BUILD_FLAGS ?= -trimpath

# Packages of core, sdk and host that start goroutines, in code or tests: races are there. The race detector slows arithmetic ten times.
CONCURRENT = $(shell grep -rlE -e '^[[:space:]]*go func' -e '^[[:space:]]*go [A-Za-z.]+[^ A-Za-z.]' -e '\.Go[^A-Za-z]' -e httptest --include='*.go' core sdk host | xargs -n 1 dirname | sort -u | sed 's,^,./,')

# Only the race detector and the XLA backend need a C compiler.
export CGO_ENABLED ?= 0

HAVE_CC = command -v "$${CC:-gcc}" >/dev/null 2>&1

TOO_OLD := $(if $(filter help,$(MAKECMDGOALS)),,$(shell scripts/go-version $(GO)))
$(if $(TOO_OLD),$(error $(TOO_OLD)))

.DEFAULT_GOAL := build
.PHONY: build test test-all tools cross check hooks race race-quick bench bench-go bench-compare bench-fft bench-hdf5 fuzz trial-sim trial-star trial-objects trial-two trial-controls trial-solve trial-calibrate trial-faults trial-formats trial-large golden tolerances outliers mutants conformance-repeat old-protocol docs ptx fake-cuda lint signal-table soak torture bent bent-python deviceless gpu-bundle ci-full hdf5 help

# ENTRY makes the linker begin ptycho at cmd/ptycho/entry_linux_amd64.s, which checks the shell's limits before Go's runtime needs more.
ENTRY = $(if $(filter 0linux/amd64,$(CGO_ENABLED)$(shell $(GO) env GOOS)/$(shell $(GO) env GOARCH)),-ldflags=-E=ptycho_entry)

build: ## the binaries, into bin/; the XLA backend needs a C compiler
	$(GO) build $(BUILD_FLAGS) $(ENTRY) -o bin/ ./cmd/...
	@if $(HAVE_CC); then \
		echo "CGO_ENABLED=1 $(GO) build $(BUILD_FLAGS) -o bin/ptycho-backend-xla ./plugins/xla"; \
		CGO_ENABLED=1 $(GO) build $(BUILD_FLAGS) -o bin/ptycho-backend-xla ./plugins/xla; \
	else echo "bin/ptycho-backend-xla was not built: it needs a C compiler (gcc, or the one that CC names), and none was found" >&2; fi

test: tools ## format, vet and tests, long ones in part (test-all); ends with the skipped tests and why (TOOLS=no downloads nothing)
	@unformatted=$$("$$($(GO) env GOROOT)/bin/gofmt" -l */) || exit 1; if [ -n "$$unformatted" ]; then echo "gofmt -w would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet $(PKG)
	@if $(HAVE_CC); then echo "CGO_ENABLED=1 $(GO) vet ./plugins/xla/..."; CGO_ENABLED=1 $(GO) vet ./plugins/xla/...; fi
	@. .test-tools/env; with='' without='backend'; if $(HAVE_CC); then with='backend engine library' without='backend|engine|library'; fi; \
		$(GO) run ./internal/testrun -notes .test-tools/missing -cgo "$$(for p in $$with; do echo ./plugins/xla/$$p; done)" -- \
		-count=1 -timeout=0 -vet=off $$($(GO) list $(PKG) | grep -vE "/plugins/xla/($$without)\$$")

test-all: tools ## the tests that make test runs in part or leaves out, whole (about ten minutes); of the package ONLY
	@. .test-tools/env; with=''; if [ -z "$$ONLY" ] && $(HAVE_CC); then with=./plugins/xla/backend; fi; names=$$(scripts/sampled names) && packages=$${ONLY:-$$(scripts/sampled packages)} || exit 1; \
		PTYCHO_TEST=all $(GO) run ./internal/testrun -notes .test-tools/missing -cgo "$$with" -- \
		-count=1 -timeout=0 -vet=off "-run=$$names" $$(echo "$$packages" | grep -vx ./plugins/xla/backend)

tools: ## the XLA library and the Python packages that tests use, into .test-tools
	@mkdir -p .test-tools/plugins
	@TOOLS=$(TOOLS) PYTHON=$(PYTHON) scripts/tools python & \
		$(GO) build -o .test-tools/ ./cmd/ptycho && \
		rm -f .test-tools/plugins/ptycho-backend-xla && \
		if $(HAVE_CC); then CGO_ENABLED=1 $(GO) build -o .test-tools/plugins/ptycho-backend-xla ./plugins/xla; fi; \
		status=$$?; wait; exit $$status
	@TOOLS=$(TOOLS) scripts/tools xla

check: ## formats, lints and tests
	"$$($(GO) env GOROOT)/bin/gofmt" -w .
	scripts/lint $(PKG)
	@$(MAKE) --no-print-directory test

hooks: ## make git run scripts/pre-commit before each commit
	git config core.hooksPath scripts

cross: ## code and tests must compile for macOS and Windows: type-checks both
	$(GO) run ./internal/testrun -compile "darwin/arm64 windows/amd64" $(PKG)

race: ## all tests under the race detector (needs a C compiler; slow)
	CGO_ENABLED=1 $(GO) test -race -timeout 30m $(PKG)

race-quick: ## the short tests of concurrent packages under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -short -vet=off $(CONCURRENT)

bench: build ## compare the training step with PyTorch (PYTHON=… with torch) and the prototype, one table
	$(GO) run ./bench/compare -python $(PYTHON) step

bench-go: ## Go benchmarks RUNS times (6) into bench-NAME.txt (NAME=new), for benchstat; PKG=./core/physics/ for one package
	$(GO) test -run '^$$' -bench . -benchmem -count $(RUNS) $(PKG) | tee bench-$(NAME).txt

bench-compare: ## compare bench-OLD.txt (OLD=old) with bench-NAME.txt (NAME=new) by benchstat
	@command -v benchstat >/dev/null || { echo "benchstat is missing: go install golang.org/x/perf/cmd/benchstat@latest" >&2; exit 1; }
	benchstat bench-$(OLD).txt bench-$(NAME).txt

bench-fft: ## compare the Fourier transform with pocketfft and FFTW (PYTHON=… with scipy and pyfftw) and gonum, one table
	$(GO) run ./bench/compare -python $(PYTHON) fft

bench-hdf5: ## compare reading 1 GiB of patterns in HDF5 files with h5py (PYTHON=… with h5py and hdf5plugin), one table
	$(GO) run ./bench/compare -python $(PYTHON) hdf5

fuzz: ## every fuzz target for FUZZTIME (10s), with its number of inputs
	GO="$(GO)" scripts/fuzz $(FUZZTIME)

trial-sim: build ## train and evaluate on the simulated scan, three seeds (needs ../shared; about 15 minutes)
	for seed in 0 1 2; do bench/trials/trial.sh sim $$seed || exit 1; done

trial-star: build ## train and evaluate on the measured scan, three seeds (needs ../shared; about 30 minutes)
	for seed in 0 1 2; do bench/trials/trial.sh star $$seed || exit 1; done

trial-objects: build ## the same on three other simulated objects (about 15 minutes)
	for kind in fields cells blocks; do bench/trials/trial.sh $$kind 0 || exit 1; done

trial-two: build ## two networks of two epochs each on the simulated scan, three seeds, and on the other objects (needs ../shared; about 15 minutes)
	for seed in 0 1 2; do TAG=two FIRST="--max-epochs 2" bench/trials/trial.sh sim $$seed --max-epochs 2 || exit 1; done
	for kind in fields cells blocks; do TAG=two FIRST="--max-epochs 2" bench/trials/trial.sh $$kind 0 --max-epochs 2 || exit 1; done

trial-controls: build ## the star with wrong positions, untrained, with single patterns and with the CNN (about 40 minutes)
	for kind in mirrored transposed untrained; do PYTHON=$(PYTHON) bench/trials/trial.sh $$kind 0 || exit 1; done
	TAG=gridsize1 bench/trials/trial.sh star 0 --gridsize 1
	TAG=cnn bench/trials/trial.sh star 0 --arch cnn

trial-solve: build ## the iterative engines on the measured scan and the geometry check at full size (needs ../shared; about 5 minutes)
	bench/trials/solve.sh
	$(GO) test ./core/solve -run Trial -trial -v -count=1 -timeout 20m

trial-calibrate: build ## what --fit auto chooses on 60 random scans, the low-frequency step on 200, images and networks with --calibrate auto; prints tables (hours)
	$(GO) test ./core/solve -run 'Choose_Trial|SlowStep_Trial' -trial -v -count=1 -timeout 100m
	$(GO) test ./host/solve -run Calibration_Trial -trial -v -count=1 -timeout 100m
	SEEDS="0 1 2" bench/trials/calibrate.sh
	OBJECTS=star EPOCHS=4 FAULTS="none defocus=0.34 jitter=2" PYTHON=$(PYTHON) bench/trials/calibrate.sh

trial-faults: ## the examination on scans with faults and on clean ones; prints tables (needs ../shared and NumPy; about 5 minutes)
	PYTHON=$(PYTHON) $(GO) test ./core/examine -run 'Trial|Planted' -trial -v -count=1 -timeout 30m

trial-formats: ## a file of each reader, and of programs that PTYCHO_FORMATS_PYTHON has, through inspect and solve, to the image of the npz of the same scan
	$(GO) test ./host/solve -run 'Formats|Programs' -trial -v -count=1

trial-large: build ## inspect, solve, train and infer of a scan of SIZE (8) GiB in the folder DIR: seconds and MiB (Linux; PYTHON with h5py and hdf5plugin; hours)
	$(GO) run ./bench/large -python $(PYTHON) -dir "$(DIR)" -gib $(SIZE) $(LARGE)

golden: ## rewrite the golden vectors of conformance/golden from core/reference
	UPDATE=1 $(GO) test ./conformance/golden -count=1 -run TestFiles_MatchCommitted

tolerances: build ## measure BACKENDS (gorgonia) against the tolerances; writes the tables of docs/conformance.md
	$(GO) test ./conformance -count=1 -timeout 0 -run TestTables_Measured -measure "$(BACKENDS)"

outliers: ## measure why a tensor can stand out at full size, for docs/conformance.md (a few minutes)
	$(GO) test ./conformance/ -count=1 -v -timeout 20m -run TestOutliers -outliers

mutants: ## run the suite on Gorgonia with each of about 150 single mistakes (MUTANTS=regexp)
	$(GO) test ./conformance -count=1 -v -timeout 0 -run TestMutants_Caught -mutants "$(MUTANTS)" -full

old-protocol: ## the commands with a plugin of commit COMMIT (the last of protocol 2.0), and a plugin of today with its host
	PTYCHO_OLD_COMMIT=$(COMMIT) $(GO) test ./cmd/ptycho -count=1 -v -timeout 20m -run TestProtocol_OlderHostAndPlugin

conformance-repeat: build ## conformance of BACKEND (gorgonia) three times: reports may differ only in their times
	@dir=$$(mktemp -d) || exit 1; trap 'rm -rf "$$dir"' EXIT; for run in 1 2 3; do \
		bin/ptycho conformance --backend $(BACKEND) --quiet --json - >"$$dir/$$run.json" || exit 1; \
		sed '/seconds":/d; /"started":/d' "$$dir/$$run.json" >"$$dir/$$run"; \
		diff "$$dir/1" "$$dir/$$run" || { echo "$(BACKEND): run $$run gives another report" >&2; exit 1; }; \
	done; echo "$(BACKEND): three runs, one report of $$(grep -c '"rule":' "$$dir/1") cases"

docs: ## rewrite docs/configuration.md, docs/commands.md, docs/man and docs/schedules.png from the program's tables
	$(GO) run ./cmd/ptycho docs
	UPDATE=1 $(GO) test ./core/optim -count=1 -run TestSchedules_Picture

fake-cuda: ## bin/fake-cuda: a CUDA driver that runs kernels on the CPU, to try what needs a GPU (docs/gpu.md; needs gcc)
	mkdir -p bin/fake-cuda
	plugins/gorgonia/cuda/fake/src/build plugins/gorgonia/cuda/kernels bin/fake-cuda -O2 -DUNCHECKED

ptx: ## compiles the CUDA kernels with the pinned NVRTC, which it downloads (needs pip)
	scripts/ptx

lint: ## golangci-lint, staticcheck, deadcode and govulncheck, if installed; they should print nothing
	scripts/lint $(PKG)

signal-table: ## SIGTERM once to every command: seconds until its end, exit code (about two minutes)
	PTYCHO_TEST=all $(GO) test ./cmd/ptycho -count=1 -v -timeout 20m -run 'TestSIGTERM|TestClosedPipe' | grep -v -e '^=== ' -e '^--- PASS' -e '^    --- PASS'

soak: build ## the tests that start processes, COUNT (20) times in random order, and the memory of 1,000 steps of each backend
	$(GO) test -count=$(COUNT) -shuffle=on -timeout 2h ./sdk/... ./host/... ./cmd/...
	bin/ptycho bench --backend $(SOAK) --n 64 --batch-size 8 --n-filters-scale 1 --gridsize 1 --steps 1000 --memory --quiet

torture: build ## kill ptycho KILLS (320) times at random and at every system call that changes a file, fill its disks, send it signals: one table, at most MINUTES (25); SEED=1, REPORT=file.json; PROGRAM=file of another backend, which also hangs and has PATIENCE (1m) to answer (Linux, root or user namespaces)
	$(GO) run ./bench/torture --minutes $(MINUTES) --kills $(KILLS) --seed $(SEED) --json "$(REPORT)" --backend "$(PROGRAM)" --patience $(PATIENCE)

bent: COUNT = 10000
bent: ## COUNT (10000) runs of train, infer, conformance and doctor against altered answers; prints a table (up to an hour)
	PTYCHO_TEST=all nice $(GO) test ./internal/bent -run TestHost_SurvivesBentAnswers -v -timeout 2h -args -bent $(COUNT) -bent-first $(SEED) -bent-within 1h -bent-table

bent-python: ## the same on one process of the PyTorch backend, COUNT (20) runs; its threads and memory must not grow (PTYCHO_TORCH_PYTHON names a Python with torch)
	PTYCHO_TEST=all nice $(GO) test ./internal/bent -count=1 -run TestPython_SurvivesHosts -v -timeout 2h -args -bent $(COUNT) -bent-first $(SEED) -bent-within 1h -bent-table

deviceless: ## compile every program of the XLA backend for an H100, on a machine without a GPU (needs the CUDA library and ptxas; skips with a reason)
	CGO_ENABLED=1 $(GO) run ./bench/deviceless

gpu-bundle: ## bin/gpu: all that a machine with a GPU and no Go needs, with gpu-trial, under 60 MiB (docs/gpu.md; needs a C compiler)
	GO="$(GO)" scripts/gpu-bundle bin/gpu

ci-full: build ## the checks too long for every change: vet for other systems, the whole suite on every backend, parity, all XLA tests (about an hour)
	GOOS=darwin GOARCH=arm64 $(GO) vet $(PKG)
	GOOS=windows GOARCH=amd64 $(GO) vet $(PKG)
	PTYCHO_TEST=full CGO_ENABLED=1 $(GO) test -timeout 2h ./plugins/xla/... ./plugins/gorgonia/... ./conformance
	PTYCHO_TEST=full $(GO) test -run Orientation ./cmd/ptycho
	for backend in gorgonia xla; do for dtype in float32 float64; do \
		bin/ptycho conformance --backend $$backend --dtype $$dtype --quiet || exit 1; \
	done; done
	bin/ptycho conformance --parity reference,gorgonia --quiet
	bin/ptycho conformance --parity gorgonia,xla --quiet
	bin/ptycho conformance --parity gorgonia,xla --dtype float64 --quiet
	$(MAKE) --no-print-directory deviceless
	$(MAKE) --no-print-directory hdf5

hdf5: ## read about 500 datasets that h5py writes, every layout, chunk index, filter and type, and the reverse (PYTHON=… with h5py and hdf5plugin)
	@dir=$$(mktemp -d) || exit 1; trap 'rm -rf "$$dir"' EXIT; \
	if $(PYTHON) -c 'import h5py, hdf5plugin' 2>/dev/null; then \
		$(PYTHON) core/hdf5/testdata/generate.py "$$dir" && $(GO) test ./core/hdf5 -count=1 -run EqualsWhatH5pyWrote -args -corpus "$$dir" && \
		PYTHON=$(PYTHON) $(GO) test ./core/hdf5 -count=1 -run IsReadByH5py; \
	else echo "SKIP  HDF5: $(PYTHON) has no h5py or hdf5plugin" >&2; fi

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
