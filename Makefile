# make demo and make test each do all set-up: a virtual environment in .venv, PyTorch, the build.
.DEFAULT_GOAL := help
.PHONY: help demo test paths package bench coverage docs lint format mutate tidy sanitize examples clean

PYTHON ?= python3
TORCH ?= torch==2.13.0
OUTPUT ?= demo_output
CMAKE_ARGS ?=
PYTEST_ARGS ?=

BIN := .venv/bin
BUILD := build/cmake
# One process of one thread for each core; results do not depend on the number of threads.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadscope $(PYTEST_ARGS)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo -n)
JUDGES := $(addprefix tests/test_, exact.py sampling.py contrastive_divergence.py \
  annealed_importance_sampling.py evaluation.py ratings_operators.py)
OPERATORS := $(JUDGES) $(addprefix tests/test_, bad_input.py units.py fuzz_operators.py pytorch.py \
  vmap.py parallel_tempering.py kernels.py sparse.py)
# Of a build beside the one that is installed.
CONFIGURE = $(BIN)/cmake -S . -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DTORCH_RBM_BUILD_TESTS=ON $(CMAKE_ARGS) \
  -DTorch_DIR=$$($(BIN)/python -c 'import torch; print(torch.utils.cmake_prefix_path)')/Torch
SOURCES := $(shell find csrc cmake CMakeLists.txt setup.py pyproject.toml VERSION -type f)
CXX_FILES = $(shell git ls-files '*.cpp' '*.h' '*.cu' '*.cuh')
CLANG_FORMAT ?= $(shell command -v clang-format-19 || echo clang-format)
CLANG_TIDY ?= $(shell command -v clang-tidy-19 || echo clang-tidy)

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/installed examples ## Train a deep belief net on handwritten digits (two minutes)
	$(BIN)/python examples/python/digits.py --output $(OUTPUT)
	build/examples/run_scripted $(OUTPUT)/dbn.pt
	$(BIN)/torch-rbm export $(OUTPUT)/dbn_weights.pt --out $(OUTPUT)/features.pt2
	build/examples/run_package $(OUTPUT)/features.pt2 64
	$(BIN)/torch-rbm recommend fit --out $(OUTPUT)/recommender.pt --quiet
	$(BIN)/torch-rbm recommend export --model $(OUTPUT)/recommender.pt --out $(OUTPUT)/recommend.pt
	build/examples/recommend $(OUTPUT)/recommend.pt user 42

test: .venv/installed .venv/tests .googletest ## Build and run every test, C++ and Python
	$(BIN)/cmake -S . -B $(BUILD) -DTORCH_RBM_BUILD_TESTS=ON -DTORCH_RBM_BUILD_BENCHMARKS=ON $(CMAKE_ARGS)
	$(BIN)/cmake --build $(BUILD) --parallel
	cd $(BUILD) && $(CURDIR)/$(BIN)/ctest --output-on-failure
	$(PYTEST) --ignore tests/test_speed.py
	$(BIN)/python -m pytest tests/test_speed.py

paths: .venv/installed .venv/tests ## Test the mathematics on every instruction set and by the ATen formulas
	ATEN_CPU_CAPABILITY=default $(PYTEST) $(JUDGES)
	ATEN_CPU_CAPABILITY=avx2 $(PYTEST) $(JUDGES)
	TORCH_RBM_CPU_PATH=reference $(PYTEST) $(JUDGES)

docs: .venv/installed .venv/docs ## Build the documentation in build/docs, every warning an error
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs build/docs

lint: .venv/installed .venv/lint ## Check format, style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(CLANG_FORMAT) --dry-run -Werror $(CXX_FILES)

format: .venv/lint ## Format every file
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	$(CLANG_FORMAT) -i $(CXX_FILES)

bench: .venv/installed .googletest ## Print the figures that are quoted, on an idle machine (half an hour)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-bench.txt
	$(BIN)/cmake -S . -B $(BUILD) -DTORCH_RBM_BUILD_TESTS=ON -DTORCH_RBM_BUILD_BENCHMARKS=ON $(CMAKE_ARGS)
	$(BIN)/cmake --build $(BUILD) --target kernels
	$(BUILD)/benchmarks/cpp/kernels
	$(BIN)/python benchmarks/likelihood.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/compiled.py
	$(BIN)/python benchmarks/communication.py
	$(BIN)/python benchmarks/operators.py
	$(BIN)/python benchmarks/tables.py benchmarks.json docs/speed.md
	$(BIN)/python benchmarks/scaling.py --output docs/scaling.png

mutate: .venv/installed .venv/tests ## Break the code on purpose, show which test catches it (an hour)
	$(BIN)/python tests/mutate.py

package: .venv/installed ## Test the sdist, the wheel and the CMake package where users have them
	$(BIN)/python tests/packaging.py

tidy: .venv/installed .googletest ## Check the C++ with clang-tidy 19 and its libomp (an hour)
	$(CONFIGURE) -B build/tidy -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DTORCH_RBM_BUILD_EXAMPLES=ON \
	  -DTORCH_RBM_BUILD_BENCHMARKS=ON -DTORCH_RBM_PRECOMPILE_HEADERS=OFF
	git ls-files '*.cpp' | grep -v tests/cmake_project | \
	  xargs -P 2 -n 4 $(CLANG_TIDY) -p build/tidy --quiet --warnings-as-errors='*'

sanitize: .venv/installed .googletest ## Run the C++ tests under the sanitizers of GCC (some ten minutes)
	$(call sanitized,address$(comma)undefined)
	$(call sanitized,thread)

# One thread each: GCC's OpenMP does not tell the thread sanitizer what it waits for. The tests of
# threads start their own. Of some changed files LibTorch's unpickler wants absurd amounts of memory:
# an exception, which is caught, but the address sanitizer ends the program instead.
comma := ,
define sanitized
	$(CONFIGURE) -B build/sanitize-$(subst $(comma),-,$(1)) -DCMAKE_BUILD_TYPE=None \
	  "-DCMAKE_CXX_FLAGS=-O1 -g1" "-DTORCH_RBM_SANITIZE=$(1)"
	$(BIN)/cmake --build build/sanitize-$(subst $(comma),-,$(1))
	cd build/sanitize-$(subst $(comma),-,$(1)) && OMP_NUM_THREADS=1 \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	  TSAN_OPTIONS=halt_on_error=1:suppressions=$(CURDIR)/tests/cpp/thread_sanitizer.txt \
	  $(CURDIR)/$(BIN)/ctest --output-on-failure --exclude-regex 'Files.AChangedRBM|share_no_symbol'
endef

# The C++ by its own tests and those of the mathematics, along both paths: all others train for too
# long without optimisation.
coverage: .venv/installed .venv/tests .venv/coverage .googletest ## Which lines no test runs, in build/coverage-*.txt (half an hour)
	$(PYTEST) --ignore tests/test_speed.py --cov=torch_rbm --cov-report=
	$(BIN)/coverage report --show-missing --skip-covered | tee build/coverage-python.txt
	$(CONFIGURE) -B build/coverage -DCMAKE_BUILD_TYPE=None \
	  "-DCMAKE_CXX_FLAGS=-O1 --coverage -fprofile-update=atomic"
	$(BIN)/cmake --build build/coverage
	rm -rf build/coverage/package && mkdir build/coverage/package
	cp -r torch_rbm tests pyproject.toml build/coverage/package
	$(BIN)/cmake --install build/coverage --prefix build/coverage/package/torch_rbm
	find build/coverage -name '*.gcda' -delete
	cd build/coverage && OMP_NUM_THREADS=1 $(CURDIR)/$(BIN)/ctest
	cd build/coverage/package && export PYTHONPATH=$$PWD OMP_NUM_THREADS=1 && \
	  for path in "" reference; do TORCH_RBM_CPU_PATH=$$path $(CURDIR)/$(BIN)/python -m pytest $(OPERATORS) || exit 1; done
	$(BIN)/gcovr --root . --filter csrc/ --merge-lines --gcov-ignore-errors=no_working_dir_found \
	  --gcov-ignore-parse-errors=suspicious_hits.warn_once_per_file --txt build/coverage-cpp.txt --print-summary build/coverage

examples: .venv/installed ## Build the C++ examples against the installed package
	@$(BIN)/cmake --log-level=ERROR -S examples/cpp -B build/examples -DCMAKE_BUILD_TYPE=Release "-DCMAKE_PREFIX_PATH=$$( \
	  $(BIN)/python -c 'import torch, torch_rbm; print(torch_rbm.cmake_prefix_path, torch.utils.cmake_prefix_path, sep=";")')"
	@$(BIN)/cmake --build build/examples --parallel -- --no-print-directory

clean: ## Remove everything that was built, and .venv
	rm -rf .venv build $(OUTPUT) torch_rbm/lib torch_rbm/include torch_rbm/share

.venv/torch:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "torch_rbm needs Python 3.10 or newer: make PYTHON=/path/to/python"; exit 1; }
	@echo "Installing $(TORCH) into .venv: a minute or two"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH) "setuptools>=77" "cmake>=3.22" ninja numpy
	@touch $@

.venv/installed: .venv/torch $(SOURCES)
	@echo "Building the operators: some minutes"
	@CMAKE_ARGS="$(CMAKE_ARGS)" $(BIN)/pip install --quiet --disable-pip-version-check \
	  --no-build-isolation --editable ".[demo]"
	@touch $@

.venv/tests .venv/lint .venv/docs .venv/coverage: .venv/%: .venv/installed pyproject.toml
	CMAKE_ARGS="$(CMAKE_ARGS)" $(BIN)/pip install --quiet --disable-pip-version-check \
	  --no-build-isolation --editable ".[$*]"
	@touch $@

# From the system's packages where that is allowed; otherwise CMake fetches a pinned release.
.PHONY: .googletest
.googletest:
	@[ -e /usr/include/gtest/gtest.h ] || ! command -v apt-get >/dev/null || \
	  $(SUDO) apt-get install --yes --quiet libgtest-dev || \
	  echo "GoogleTest is not installed; CMake will fetch it"
