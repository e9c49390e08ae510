"""Every notebook runs from top to bottom against a real server, and what it shows is right.

`cargo xtask test` runs this in the environment of `requirements.lock`, with `LYCEUM_BIN` naming the binary. The exact
answers are computed from the generated files, which the notebooks never see. Noise has no seed, so numbers are compared
within three half-widths of their 95 % interval: nearly six standard deviations, missed by chance about once in 10⁸.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import matplotlib.image
import nbformat
import numpy as np
import pandas as pd
import pytest
import requests
from nbclient import NotebookClient

from server import Server, default_binary, serving

FOLDER = Path(__file__).resolve().parent
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
USERS = 3_000
SECONDS_PER_CELL = 120
HALF_WIDTHS = 3

# Runs in the quick start's kernel after its last cell: hands its variables over as JSON.
HAND_OVER = """
import json as _json
print(_json.dumps({
    "tables": {name: globals()[name].to_dict("records") for name in ("arms", "segments", "bounded", "reach", "sites", "again")},
    "lift": lift, "forest": forest.to_dict("index"),
    "paid": paid, "arms_answer": arms_answer, "again_answer": again_answer, "explained": explained,
    "refusal": refusal, "fixed": fixed, "budget": budget, "event": event, "sites_answer": sites_answer,
}, default=float))
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with generated data: more advertisements per person than usual, as there are few people."""
    with serving(default_binary(), tmp_path_factory.mktemp("lyceum"), users=USERS, mean_per_day=1.0) as running:
        yield running


@pytest.fixture(scope="session")
def executed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, nbformat.NotebookNode]:
    """All notebooks after a run, by name; the quick start with what it hands over as its last cell."""
    home = tmp_path_factory.mktemp("jupyter")
    private = {name: str(home) for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")}
    done = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (server.environment() | private).items():
            patch.setenv(name, value)
        for path in NOTEBOOKS:
            notebook = nbformat.read(path, as_version=4)
            if path.stem == "quickstart":
                notebook.cells.append(nbformat.v4.new_code_cell(HAND_OVER, id="hand-over"))
            NotebookClient(notebook, timeout=SECONDS_PER_CELL, kernel_name="python3").execute()
            done[path.stem] = notebook
    return done


@pytest.fixture(scope="session")
def quickstart(executed: dict[str, nbformat.NotebookNode]) -> dict:
    """The variables of the quick start."""
    outputs = executed["quickstart"].cells[-1].outputs
    return json.loads("".join(output["text"] for output in outputs if output.get("name") == "stdout"))


@pytest.fixture(scope="session")
def truth(server: Server) -> dict[str, pd.DataFrame]:
    """The rows that the server was given."""
    return {table: pd.read_csv(server.data / f"{table}.csv") for table in ("users", "events")}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}, "metadata of somebody's editor"
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert cell.metadata == {}, cell.id
        if cell.cell_type == "code":
            assert cell.outputs == [], f"outputs in {cell.id}"
            assert cell.execution_count is None, f"an execution count in {cell.id}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_complains_about_nothing(path: Path, executed: dict[str, nbformat.NotebookNode]) -> None:
    for cell in executed[path.stem].cells:
        if cell.cell_type == "code":
            assert cell.execution_count is not None, f"{cell.id} did not run"
            for output in cell.outputs:
                assert output.output_type != "error", cell.id
                assert output.get("name") != "stderr", f"{cell.id}: {output.get('text')}"


@pytest.mark.parametrize("cell", ["arms-figure", "reach-figure", "sites-figure", "budget", "forest"])
def test_a_figure_is_drawn(cell: str, executed: dict[str, nbformat.NotebookNode]) -> None:
    (found,) = [c for c in executed["quickstart"].cells if c.id == cell]
    images = [output.data["image/png"] for output in found.outputs if "image/png" in output.get("data", {})]
    assert len(images) == 1
    pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(images[0])), format="png")[..., :3]
    height, width, _ = pixels.shape
    assert width > 600 and height > 150
    # Text, axes, and at least one of the palette's colours (blue, orange, light grey bars): not an empty frame.
    blue, orange = np.array([0x00, 0x72, 0xB2]) / 255, np.array([0xD5, 0x5E, 0x00]) / 255
    coloured = sum(int((np.abs(pixels - colour).max(axis=2) < 0.02).sum()) for colour in (blue, orange))
    assert coloured > 100, "nothing is drawn in the palette's colours"


def near(row: dict, column: str, exact: float) -> bool:
    """Whether a number is as near to the exact one as its noise interval says."""
    value, low, high = (row[column + end] for end in ("", "_low", "_high"))
    assert low <= value <= high and low < high, row
    return abs(value - exact) <= HALF_WIDTHS * (high - low) / 2


def test_counts_and_rates_are_near_the_exact_ones(quickstart: dict, truth: dict[str, pd.DataFrame]) -> None:
    users = truth["users"].assign(buyer=truth["users"]["conversions"] > 0)
    for table, keys in [("arms", ["arm"]), ("segments", ["segment", "arm"])]:
        exact = users.groupby(keys)["buyer"].agg(["size", "mean"])
        rows = quickstart["tables"][table]
        assert len(rows) == len(exact), "every declared group is shown"
        for row in rows:
            of = exact.loc[tuple(row[key] for key in keys) if len(keys) > 1 else row[keys[0]]]
            assert near(row, "people", of["size"]), row
            assert near(row, "buyers", of["mean"]), row
            assert 0 <= row["buyers_estimate_low"] <= row["buyers"] <= row["buyers_estimate_high"] <= 1, row
            noise, both = (row[f"buyers{end}_high"] - row[f"buyers{end}_low"] for end in ("", "_estimate"))
            assert both > 0.9 * noise, "sampling can't take noise away"


def test_there_is_noise_and_not_too_much(quickstart: dict, truth: dict[str, pd.DataFrame]) -> None:
    exact = truth["users"].groupby(["segment", "arm"]).size()
    rows = quickstart["tables"]["segments"]
    assert any(row["people"] != exact[row["segment"], row["arm"]] for row in rows), "eight exact counts by chance?"
    for table, widest in [("arms", 300), ("segments", 80)]:
        for row in quickstart["tables"][table]:
            assert row["people_high"] - row["people_low"] < widest, "wider than its ε can explain"
    predicted = {column["name"]: column.get("half_width") for column in quickstart["explained"]["columns"]}
    for row in quickstart["tables"]["arms"]:
        assert (row["people_high"] - row["people_low"]) / 2 == pytest.approx(predicted["people"], rel=0.02)


def test_reach_is_right_in_six_groups_and_never_too_high_in_three(quickstart: dict, truth: dict[str, pd.DataFrame]) -> None:
    seen = truth["events"].query("kind == 'impression'")[["user_id", "channel"]].drop_duplicates()
    exact = seen.groupby("channel").size()
    few = seen[seen.groupby("user_id")["channel"].transform("size") <= 3].groupby("channel").size()
    assert len(quickstart["tables"]["reach"]) == len(quickstart["tables"]["bounded"]) == len(exact)
    for row in quickstart["tables"]["reach"]:
        assert near(row, "people", exact[row["channel"]]), row
    for row in quickstart["tables"]["bounded"]:
        slack = HALF_WIDTHS * (row["people_high"] - row["people_low"]) / 2
        assert few.get(row["channel"], 0) - slack <= row["people"] <= exact[row["channel"]] + slack, row


def test_rare_sites_stay_hidden_and_totals_add_up(quickstart: dict, truth: dict[str, pd.DataFrame]) -> None:
    clicked = truth["events"].query("kind == 'click'")[["user_id", "site"]].drop_duplicates()
    exact = clicked.groupby("site").size()
    *shown, other = quickstart["tables"]["sites"]
    assert shown, "the most visited site has enough people to be shown"
    for row in shown:
        assert exact[row["site"]] >= 20, "fewer people than the policy's minimum group size"
        assert row["people"] <= exact[row["site"]] + HALF_WIDTHS * (row["people_high"] - row["people_low"]) / 2
    bounded = clicked.groupby("user_id").size().clip(upper=3).sum()
    total = sum(row["people"] for row in shown) + other["people"]
    assert abs(total - bounded) <= HALF_WIDTHS * (other["people_high"] - other["people_low"]) / 2


def test_the_lift_is_the_difference_of_the_rates(quickstart: dict, truth: dict[str, pd.DataFrame]) -> None:
    rates = {row["arm"]: row for row in quickstart["tables"]["arms"]}
    (treated, down, up), (control, below, above) = (
        (row["buyers"], row["buyers"] - row["buyers_estimate_low"], row["buyers_estimate_high"] - row["buyers"])
        for row in (rates["treatment"], rates["control"])
    )
    lift = treated - control
    expected = [lift, lift - np.hypot(down, above), lift + np.hypot(up, below)]
    assert quickstart["lift"] == pytest.approx([100 * end for end in expected])

    users = truth["users"].assign(buyer=100.0 * (truth["users"]["conversions"] > 0))
    exact = users.groupby("arm")["buyer"].mean()
    value, low, high = quickstart["lift"]
    assert abs(value - (exact["treatment"] - exact["control"])) <= HALF_WIDTHS * (high - low) / 2


def test_the_forest_has_every_segment_and_their_pool(quickstart: dict, truth: dict[str, pd.DataFrame]) -> None:
    forest = quickstart["forest"]
    assert list(forest) == ["new", "casual", "loyal", "vip", "all people"]
    users = truth["users"].assign(buyer=100.0 * (truth["users"]["conversions"] > 0))
    everyone = pd.concat([users, users.assign(segment="all people")])
    exact = everyone.groupby(["segment", "arm"])["buyer"].mean()
    for segment, row in forest.items():
        half_width = (row["high"] - row["low"]) / 2
        assert row["low"] < row["value"] < row["high"]
        assert abs(row["value"] - (exact[segment, "treatment"] - exact[segment, "control"])) <= HALF_WIDTHS * half_width
    widths = {segment: row["high"] - row["low"] for segment, row in forest.items()}
    assert widths["all people"] == min(widths.values()), "all people together are known best"
    assert widths["vip"] == max(widths.values()), "the smallest segment is known least"


def test_a_repeat_is_free_and_the_same(quickstart: dict) -> None:
    first, again = quickstart["arms_answer"], quickstart["again_answer"]
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert again["charge"] == first["charge"]
    assert again["receipt"]["entry"] == first["receipt"]["entry"], "the same entry, proved under a newer checkpoint"
    assert again["budget_left"] == quickstart["sites_answer"]["budget_left"]
    in_order = sorted(quickstart["tables"]["again"], key=lambda row: row["arm"])
    assert in_order == sorted(quickstart["tables"]["arms"], key=lambda row: row["arm"])
    assert [row["arm"] for row in quickstart["tables"]["again"]] == ["treatment", "control"]


def test_a_refusal_says_the_way_out_and_charges_nothing(quickstart: dict) -> None:
    refusal = quickstart["refusal"]
    assert refusal["code"].startswith("E2")
    assert refusal["detail"] and refusal["reason"] and refusal["fix"]
    assert refusal["charged"] is False
    assert quickstart["fixed"]["result"] == "explanation"


def test_the_budget_is_what_the_answers_cost(quickstart: dict, server: Server) -> None:
    paid = quickstart["paid"]
    assert len({answer["charge"] for answer in paid}) == len(paid) == 5
    login = {"Authorization": f"Bearer {server.researcher_token}"}
    url = f"{server.url}/v1/workspaces/{server.workspace}/budget"
    now = requests.get(url, headers=login, timeout=30).json()
    assert now == quickstart["budget"], "nothing was charged after the notebook looked"
    (population,) = now["populations"]
    for account in population["accounts"]:
        assert account["charges"] == len(paid), account
        assert account["rho_spent"] == sum(answer["price"]["rho"] for answer in paid), account
        assert 0 < account["share_spent"] < 1, account


def test_the_receipt_names_the_answer(quickstart: dict, server: Server) -> None:
    answer, event = quickstart["arms_answer"], quickstart["event"]
    assert event["type"] == "query.answered"
    assert (event["query"], event["charge"]) == (answer["query"], answer["charge"])
    login = {"Authorization": f"Bearer {server.researcher_token}"}
    url = f"{server.url}/v1/workspaces/{server.workspace}/queries/{answer['query']}"
    outcome = requests.get(url, headers=login, timeout=30).json()
    assert outcome["entry"] == outcome["receipt"]["entry"] == answer["receipt"]["entry"]


def test_the_lock_file_pins_every_package() -> None:
    lines = [line for line in (FOLDER / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert lines and all(line.count("==") == 1 and " " not in line for line in lines)
