"""The dataset folder as a contract: names, decision tree, records, manifest."""
