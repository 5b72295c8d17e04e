# make demo    install what is missing, build, and run the whole path on a self-improving subject; kept in DEMO_DIR
# make demo INSIDE=0        shorter: without improvements inside an envelope
# make demo INTERACTIVE=1   the same, shorter: you decide about an improvement, on the page, with a passkey
# make test    install, build, and run every test (what CI runs)
# make build   pawl and the pawl-check programs in build/release/bin
# make quick   the inner loop: unit tests, under two minutes
# make test-long  make test, then everything that takes long (some three hours on two cores), without:
# make fuzz-long  every fuzz target for an hour (FUZZ_SECONDS=3600); on two cores that is a working day
# make install PREFIX=/usr/local DESTDIR=    what was built: programs, manual pages, completion, documents
# make uninstall PREFIX=/usr/local DESTDIR=  takes it away again, and leaves state
# make python     a virtual environment with the Python package, in build/python
# INSTALL=0    never install packages, only report what is missing
.PHONY: demo test build quick python test-long fuzz-long bench install uninstall dependencies format tidy clean

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
CTEST = ctest --output-on-failure --no-tests=error

dependencies:
	@INSTALL=$(INSTALL) tools/install-dependencies

build/release/build.ninja: CMakeLists.txt CMakePresets.json
	cmake --preset release

build: dependencies build/release/build.ninja
	cmake --build --preset release -j $(JOBS)

DEMO_DIR ?= build/demo
demo: build
	DEMO_DIR='$(DEMO_DIR)' INTERACTIVE='$(INTERACTIVE)' examples/collision/demo/run

quick: build
	$(CTEST) --test-dir build/release -L quick -j $(JOBS)

# The trusted part, the parsers and the fuzz targets run under sanitizers; everything runs optimised with asserts on. The
# latter wait half of their time for disks, namespaces, processes and clocks, so three run for each core, the longest first.
# The tests under sanitizers (one test here, `sanitized`) run beside them, and the fuzz targets (`fuzzing`) at low priority,
# five seconds by the clock each.
test: build
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS)
	$(CTEST) --test-dir build/release -L 'quick|test|fuzz' -j $$(($(JOBS) * 3))

test-long: test
	@INSTALL=$(INSTALL) tools/install-dependencies packages-long.txt || echo 'what needs them is skipped'
	$(CTEST) --test-dir build/release -L long -j $(JOBS)

FUZZ_SECONDS ?= 3600
fuzz-long: dependencies
	cmake --preset fuzz -B build/fuzz-long -DPAWL_FUZZ_SECONDS=$(FUZZ_SECONDS)
	cmake --build build/fuzz-long -j $(JOBS)
	$(CTEST) --test-dir build/fuzz-long -R '^fuzz_' -j $(JOBS)

# Neither builds: `make build` as yourself, then `sudo make install`.
install:
	@tools/install-files install --prefix '$(PREFIX)' --destdir '$(DESTDIR)'

uninstall:
	@tools/install-files uninstall --prefix '$(PREFIX)' --destdir '$(DESTDIR)'

python: dependencies
	tools/python-environment build/python
	@echo 'build/python/bin/python3 has the package; examples/python/one_turn.py shows it'

bench: build
	tools/bench

format:
	git ls-files '*.cc' '*.h' | xargs clang-format -i

tidy: build
	git ls-files 'src/*.cc' 'cmd/*.cc' | xargs clang-tidy -p build/release --quiet

clean:
	rm -rf build
