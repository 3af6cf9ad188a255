# Benchmarks; included by the Makefile. None of them is a test, and none is run by CI.
# JSON=1 prints one JSON document, TMPDIR says which disk is written to, GZ_REAL_DATA where the real images are.
BENCH_ENVS := benchmarks/.envs
PREP_PEERS := tfds img2dataset
INPUT_PEERS := loaders
DEFECT_PEERS := cleanvision
PEERS := $(PREP_PEERS) $(INPUT_PEERS) $(DEFECT_PEERS)

.PHONY: bench-prep bench-quick bench-growth bench-memory bench-stages bench-input bench-input-quick bench-input-memory
.PHONY: bench-neighbours bench-catalogue bench-start bench-against bench-report bench-broken bench-likeness bench-sources bench-flat bench-defects bench-defects-quick bench-envs bench-lock

bench-prep: $(VENV)/dev $(PREP_PEERS:%=$(BENCH_ENVS)/%/made) ## speed against the floor, a second worker and peers, 15 minutes at most
	@$(BIN)/python benchmarks/prep.py

bench-quick: $(VENV)/dev ## the same in a minute: shows that it runs, not how fast
	@$(BIN)/python benchmarks/prep.py --quick

bench-start: $(VENV)/dev ## seconds of every --help and import; run it on a quiet machine
	@$(BIN)/python benchmarks/start.py

bench-against: $(VENV)/dev ## first record and time a galaxy beside another version, in turns: make bench-against CHECKOUT=../before
	@$(BIN)/python benchmarks/against.py $(CHECKOUT)

bench-growth: $(VENV)/dev ## time and memory at 500, 2,000 and 8,000 galaxies
	@$(BIN)/python benchmarks/growth.py

bench-memory: $(VENV)/dev ## peak memory of the process tree at 750 and 4,000 galaxies
	@$(BIN)/python benchmarks/memory.py

bench-sources: $(VENV)/dev ## files, parquet, tar and FITS: the same shards, time and memory
	@$(BIN)/python benchmarks/sources.py --check

bench-stages: $(VENV)/dev ## microseconds a galaxy of each stage, ours and the floor's
	@$(BIN)/python benchmarks/stages.py

bench-input: $(VENV)/dev $(INPUT_PEERS:%=$(BENCH_ENVS)/%/made) ## samples/s of our readers, of bare decoding and of other loaders, 10 minutes
	@$(BIN)/python benchmarks/input.py

bench-input-quick: $(VENV)/dev ## the same in a minute, without peers: shows that it runs, not how fast
	@$(BIN)/python benchmarks/input.py --quick

bench-input-memory: $(VENV)/dev ## peak memory of our readers: 10 and 100 shards, 1 and 5 epochs
	@$(BIN)/python benchmarks/input_memory.py

.PHONY: bench-python bench-python-quick
bench-python: $(VENV)/dev $(VENV)/formats/installed ## samples/s of train.batches, to_torch, Grain and random access beside our reader, 5 minutes
	@$(BIN)/python benchmarks/python_api.py

bench-python-quick: $(VENV)/dev $(VENV)/formats/installed ## the same in a minute: shows that it runs, not how fast
	@$(BIN)/python benchmarks/python_api.py --quick

bench-flat: $(VENV)/dev ## whether memory, file handles and threads stay flat: 50,000 galaxies, 60 epochs, 8 minutes
	@$(BIN)/python benchmarks/flat.py

bench-likeness: $(VENV)/dev ## whether copies of a galaxy are its neighbours, and oddities stand out: make bench-likeness RUN=... OUT=...
	@$(BIN)/python benchmarks/likeness.py $(RUN) $(OUT)

bench-catalogue: $(VENV)/dev ## memory, speed and interruption of a catalogue: make bench-catalogue RUN=... IMAGES=... ROWS=50000
	@$(BIN)/python benchmarks/catalogue_rows.py $(RUN) $(IMAGES) --rows $(or $(ROWS),50000)

bench-neighbours: $(VENV)/dev ## whether neighbours are blanked and the galaxy is kept: 500 simulated galaxies, a minute
	@$(BIN)/python benchmarks/neighbours.py

bench-broken: $(VENV)/dev ## break a trained run in seven ways, and see that each is named: make bench-broken RUN=... GALAXIES=gz2
	@$(BIN)/python benchmarks/broken.py $(RUN) $(GALAXIES)

.PHONY: bench-calibration
bench-calibration: $(VENV)/dev ## whether temperatures lower the calibration error of each question: 18,000 simulated galaxies, 15 minutes
	@$(BIN)/python benchmarks/calibration.py

bench-report: $(VENV)/dev ## seconds and memory of gzprep report: 750 galaxies, and 200,000 rows of votes
	@$(BIN)/python benchmarks/report.py

bench-defects: $(VENV)/dev $(DEFECT_PEERS:%=$(BENCH_ENVS)/%/made) ## what the detectors find, planted and real, and cleanvision beside them, 12 minutes at most
	@$(BIN)/python benchmarks/defects.py

bench-defects-quick: $(VENV)/dev ## the same in a minute, without cleanvision: shows that it runs, not how well
	@$(BIN)/python benchmarks/defects.py --quick

bench-envs: $(PEERS:%=$(BENCH_ENVS)/%/made) ## an environment for each peer: they want other versions than we do

$(BENCH_ENVS)/%/made: benchmarks/requirements/%.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes --requirement $<
	@touch $@

bench-lock: $(VENV)/bin/python ## compile benchmarks/requirements/*.txt
	$(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet uv
	for peer in $(PEERS); do \
	  $(VENV)/lock/bin/uv pip compile benchmarks/requirements/$$peer.in --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url --quiet --output-file benchmarks/requirements/$$peer.txt || exit 1; \
	done
