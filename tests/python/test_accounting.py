"""ε for given compositions, compared with two accountants from PyPI: OpenDP (zCDP conversion) and Google's dp-accounting
(privacy loss distributions, optimistic and pessimistic).

`cargo xtask test` runs this in the environment of `requirements.lock`, with `LYCEUM_BIN` naming the binary, whose command
`lyceum privacy epsilon --json` gives our figures.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from dataclasses import dataclass
from functools import reduce

import opendp.prelude as dp
import pytest
from dp_accounting.pld import privacy_loss_distribution as pld

dp.enable_features("contrib")


@dataclass(frozen=True)
class Noise:
    """One mechanism: kind, squared L2 sensitivity (Gaussian) or L1 sensitivity (Laplace), scale, uses."""

    kind: str
    sensitivity: int
    scale: float
    count: int

    def argument(self) -> list[str]:
        # The root is rounded up, as the operator does it.
        value = math.nextafter(math.sqrt(self.sensitivity), math.inf) if self.kind == "gaussian" else self.sensitivity
        return [f"--{self.kind}", f"{value!r},{self.scale!r},{self.count}"]

    def rho(self) -> float:
        if self.kind == "gaussian":
            return self.count * self.sensitivity / (2 * self.scale**2)
        return self.count * (self.sensitivity / self.scale) ** 2 / 2

    def distribution(self, pessimistic: bool) -> pld.PrivacyLossDistribution:
        """The loss distribution that dp-accounting has for this mechanism."""
        fine = {"pessimistic_estimate": pessimistic, "value_discretization_interval": STEP}
        if self.kind == "laplace":
            # Vectors of noise with a pure bound: randomised response, as our report assumes it.
            likely = -math.log1p(math.exp(-self.sensitivity / self.scale))
            rare = likely - self.sensitivity / self.scale
            one = pld.from_two_probability_mass_functions({0: likely, 1: rare}, {0: rare, 1: likely}, **fine)
            return one.self_compose(self.count)
        if self.scale < 32 and self.sensitivity <= 3:
            one = pld.from_discrete_gaussian_mechanism(self.scale, sensitivity=1, **fine, use_connect_dots=pessimistic)
            return one.self_compose(self.count * self.sensitivity)
        one = pld.from_gaussian_mechanism(self.scale / math.sqrt(self.sensitivity), **fine, use_connect_dots=pessimistic)
        return one.self_compose(self.count)


STEP = 1e-4

# name: (mechanisms, δ)
COMPOSITIONS: dict[str, tuple[list[Noise], float]] = {
    "one count": ([Noise("gaussian", 1, 31.0, 1)], 1e-9),
    "fifty counts": ([Noise("gaussian", 1, 31.0, 50)], 1e-9),
    "a thousand counts": ([Noise("gaussian", 1, 31.0, 1000)], 1e-9),
    "little noise": ([Noise("gaussian", 1, 1.5, 4)], 1e-6),
    "noise below one": ([Noise("gaussian", 1, 0.8, 1)], 1e-6),
    "three groups": ([Noise("gaussian", 3, 20.0, 12)], 1e-9),
    "twenty groups": ([Noise("gaussian", 20, 140.0, 30)], 1e-9),
    "sums on a fine grid": ([Noise("gaussian", 3 * 200_000**2, 6e6, 25)], 1e-9),
    "one pure question": ([Noise("laplace", 1, 10.0, 1)], 1e-9),
    "many pure questions": ([Noise("laplace", 2, 40.0, 200)], 1e-9),
    "counts and sums": ([Noise("gaussian", 1, 31.0, 20), Noise("gaussian", 3 * 500**2, 2e4, 20)], 1e-9),
    "all kinds": (
        [Noise("gaussian", 1, 6.0, 3), Noise("gaussian", 5, 80.0, 40), Noise("laplace", 1, 12.0, 5)],
        1e-7,
    ),
    "a tiny δ": ([Noise("gaussian", 1, 31.0, 50), Noise("gaussian", 8, 99.0, 10)], 1e-12),
}


def ours(arguments: list[str], delta: float) -> dict[str, float]:
    command = [os.environ["LYCEUM_BIN"], "privacy", "epsilon", "--json", *arguments, "--delta", repr(delta)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def opendp_epsilon(rho: float, delta: float) -> float:
    """ε of a mechanism that is ρ-zCDP, by OpenDP's conversion."""
    space = dp.atom_domain(T=float, nan=False), dp.absolute_distance(T=float)
    mechanism = dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale=1 / math.sqrt(2 * rho)))
    return mechanism.map(1.0).epsilon(delta)


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_agrees_with_other_accountants(name: str) -> None:
    mechanisms, delta = COMPOSITIONS[name]
    report = ours([a for m in mechanisms for a in m.argument()], delta)
    rho = sum(m.rho() for m in mechanisms)
    # Prices are rounded up to 1e-12 per use.
    uses = sum(m.count for m in mechanisms)
    assert rho * (1 - 1e-12) <= report["rho"] <= rho * (1 + 1e-12) + 1.1e-12 * uses

    conversion = opendp_epsilon(rho, delta)
    assert report["epsilon_zcdp"] >= conversion * (1 - 1e-12)
    assert report["epsilon_zcdp"] == pytest.approx(conversion, rel=1e-6, abs=1e-6)

    assert report["epsilon_tight"] <= report["epsilon_zcdp"]
    optimistic, pessimistic = (
        reduce(lambda a, b: a.compose(b), (m.distribution(kind) for m in mechanisms)).get_epsilon_for_delta(delta)
        for kind in (False, True)
    )
    assert optimistic <= report["epsilon_tight"] + 1e-9
    # Ours has another discretisation, and narrows wide Gaussian noise by up to 1 part in 600.
    assert report["epsilon_tight"] <= pessimistic * 1.005


@pytest.mark.parametrize("rho", [1e-6, 0.00104, 0.054, 0.5, 4.0])
def test_a_given_rho_converts_as_opendp_does(rho: float) -> None:
    report = ours(["--rho", repr(rho)], 1e-9)
    assert report["epsilon_zcdp"] == pytest.approx(opendp_epsilon(rho, 1e-9), rel=1e-6)
    assert "epsilon_tight" not in report


@pytest.mark.parametrize(
    "arguments",
    [["--gaussian", "1"], ["--gaussian", "1,0"], ["--laplace", "1,nan"], ["--gaussian", "1,2,3.5"], ["--rho", "-1"], []],
)
def test_figures_without_meaning_are_refused(arguments: list[str]) -> None:
    command = [os.environ["LYCEUM_BIN"], "privacy", "epsilon", *arguments, "--delta", "1e-9"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (1, 2) and done.stdout == "" and "error" in done.stderr
