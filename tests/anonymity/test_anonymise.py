"""k, l and t of anonymised tables, measured by pycanon on the released file alone, against what our report says.

`cargo xtask test` runs this in the environment of `requirements.lock`, with `LYCEUM_ANONYMISE` naming the example
`anonymise` of the crate lyceum-anonymize. The table is generated; the folder is laid out like ARX's Adult.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from pycanon import anonymity

CITIES = {"Bonn": "West", "Aachen": "West", "Berlin": "East", "Leipzig": "East", "Jena": "East"}
JOBS = ["nurse", "driver", "clerk", "cook"]
QUASI = ["age", "city", "sex"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,500 people; large cities and two jobs are common."""
    rng = random.Random(7)
    path = tmp_path_factory.mktemp("people")
    rows = [
        (
            min(90, 18 + int(rng.expovariate(1 / 15))),
            rng.choices(list(CITIES), [8, 2, 6, 3, 1])[0],
            rng.choice("fm"),
            rng.choices(JOBS, [5, 3, 2, 1])[0],
        )
        for _ in range(1_500)
    ]
    pd.DataFrame(rows, columns=[*QUASI, "job"]).to_csv(path / "adult.csv", sep=";", index=False)
    tables = {
        "age": [f"{a};{a // 5 * 5}-{a // 5 * 5 + 4};{a // 20 * 20}-{a // 20 * 20 + 19};*" for a in range(100)],
        "city": [f"{city};{side};*" for city, side in CITIES.items()],
        "sex": ["f;*", "m;*"],
        "job": [f"{job};*" for job in JOBS],
    }
    for name, lines in tables.items():
        (path / f"adult_hierarchy_{name}.csv").write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("engine", ["lattice", "ranges", "labels"])
@pytest.mark.parametrize("k", [2, 7])
@pytest.mark.parametrize("l", [1, 3])
def test_what_is_released_has_the_k_l_and_t_that_the_report_says(folder: Path, engine: str, k: int, l: int) -> None:
    released, report = folder / "released.csv", folder / "report.json"
    command = [os.environ["LYCEUM_ANONYMISE"], folder, "--engine", engine, "--k", k, "--suppression", 0, "--repeat", 1]
    command += ["--l", f"job:{l}", "--out", released, "--report", report]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    table = pd.read_csv(released, sep=";", dtype=str)
    said = json.loads(report.read_text())["guarantees"]
    job = said["sensitive"][0]

    assert len(table) == 1_500
    assert anonymity.k_anonymity(table, QUASI) == said["k"] >= k
    assert anonymity.l_diversity(table, QUASI, ["job"]) == job["distinct_l"] >= l
    assert anonymity.entropy_l_diversity(table, QUASI, ["job"]) == int(job["entropy_l"] + 1e-9)
    assert anonymity.t_closeness(table, QUASI, ["job"]) == pytest.approx(job["t"], abs=1e-9)


def test_one_input_has_one_result(folder: Path) -> None:
    results = []
    for name in ("first.csv", "second.csv"):
        command = [os.environ["LYCEUM_ANONYMISE"], str(folder), "--engine", "ranges", "--repeat", "1", "--out", str(folder / name)]
        subprocess.run(command, check=True, capture_output=True)
        results.append((folder / name).read_bytes())
    assert results[0] == results[1]
