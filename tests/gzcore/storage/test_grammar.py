"""One grammar of addresses: each command refuses the same ones with the same sentence, before it does anything."""

import pytest

from tests.addresses import REFUSED
from tests.running import Result, gzprep, gztrain

GZPREP: dict[str, tuple[str, ...]] = {
    "run --data": ("run", "--data", "{}"),
    "run --out": ("run", "--out", "{}"),
    "run --recipe": ("run", "--recipe", "{}"),
    "run --catalogue": ("run", "--data", "x", "--catalogue", "{}"),
    "run --fleet": ("run", "--fleet", "{}"),
    "template SPEC": ("template", "{}", "--image", "x"),
    "template --metadata": ("template", "--metadata", "{}"),
    "simulate": ("simulate", "{}"),
    "fetch": ("fetch", "{}"),
    "verify": ("verify", "{}"),
    "verify --data": ("verify", "x", "--data", "{}"),
    "preview": ("preview", "{}", "--id", "1", "--png", "x.png"),
    "preview --png": ("preview", "x", "--id", "1", "--png", "{}"),
    "inspect": ("inspect", "x", "{}"),
    "inspect --recipe": ("inspect", "x", "--recipe", "{}"),
    "inspect --html": ("inspect", "x", "--html", "{}"),
}
GZTRAIN: dict[str, tuple[str, ...]] = {
    "fit": ("fit", "{}", "--run", "x"),
    "fit --run": ("fit", "x", "--run", "{}"),
    "fit --recipe": ("fit", "x", "--run", "x", "--recipe", "{}"),
    "crossval": ("crossval", "{}", "--run", "x"),
    "crossval --run": ("crossval", "x", "--run", "{}"),
    "evaluate": ("evaluate", "{}"),
    "evaluate --data": ("evaluate", "x", "--data", "{}"),
    "predict": ("predict", "{}", "x", "--parquet", "x"),
    "predict --parquet": ("predict", "x", "x", "--parquet", "{}"),
    "predict --runner": ("predict", "x", "{}", "--parquet", "x", "--runner", "DirectRunner"),
    "export": ("export", "{}", "x"),
    "export DIR": ("export", "x", "{}"),
    "ensemble": ("ensemble", "x", "{}"),
    "ensemble --run": ("ensemble", "x", "--run", "{}"),
    "report": ("report", "{}", "--html", "x"),
    "report --html": ("report", "x", "--html", "{}"),
    "bench": ("bench", "{}"),
}
COMMANDS = {f"gzprep {name}": words for name, words in GZPREP.items()} | {
    f"gztrain {name}": words for name, words in GZTRAIN.items()
}


def call(command: str, text: str) -> Result:
    tool = gzprep if command.startswith("gzprep") else gztrain
    return tool(*(word.format(text) for word in COMMANDS[command]))


@pytest.mark.parametrize("address", REFUSED)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_address_is_refused_alike_everywhere(command: str, address: str) -> None:
    text, sentence = REFUSED[address]
    result = call(command, text)
    assert (result.code, sentence in result.sentence) == (2, True), result.err
    assert "SECRET" not in result.out + result.err


HERE_ALONE = (
    "gzprep simulate",
    "gzprep fetch",
    "gzprep preview --png",
    "gzprep inspect --html",
    "gztrain export DIR",
    "gztrain report --html",
)


@pytest.mark.parametrize("command", HERE_ALONE)
def test_what_can_only_be_on_this_machine_is_refused_in_a_bucket(command: str) -> None:
    result = call(command, "gs://bucket/sky")
    assert (result.code, "in place of gs://bucket/sky" in result.sentence) == (2, True), result.err
