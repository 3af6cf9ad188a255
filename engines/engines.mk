# Beam's other engines (docs/engines.md). `include engines/engines.mk` from the Makefile, after VENV and BIN.
.PHONY: engines engines-fetch engines-clean

engines: $(VENV)/dev engines-fetch ## every engine makes the same bytes: fetch what is needed, run and compare them all
	GZPREP_ALL_ENGINES=1 $(BIN)/python -m pytest --override-ini addopts=-q tests/engines

engines-fetch:   ## bring Prism (through go) and Flink's job server (through mvn) into engines/.cache
	engines/fetch.sh

engines-clean:   ## remove what engines-fetch brought
	rm -rf engines/.cache
