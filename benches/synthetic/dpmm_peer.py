"""dpmm (PyPI) on the same file and budget as the example `synthetic` of lyceum-anonymize; prints one line of JSON a run.

    python dpmm_peer.py adult.csv mst|aim EPSILON DELTA SEEDS

Numbers are compared value by value, as the example's bins do for age. Seconds are CPU seconds of this process and its children.
"""
import itertools
import json
import resource
import sys

import numpy as np
import pandas as pd
from dpmm.models.aim import AIMGM
from dpmm.models.mst import MSTGM


def cpu_seconds():
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def total_variation(private, synthetic, columns):
    shares = [frame.groupby(columns, observed=True).size() / len(frame) for frame in (private, synthetic)]
    return float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2)


def main(path, generator, epsilon, delta, seeds):
    private = pd.read_csv(path).apply(lambda column: pd.Categorical(column).codes.astype(int))
    domain = {c: int(private[c].max()) + 1 for c in private.columns}
    model = {"mst": MSTGM, "aim": AIMGM}[generator]
    for seed in range(int(seeds)):
        start = cpu_seconds()
        fitted = model(epsilon=float(epsilon), delta=float(delta), n_jobs=1)
        fitted.set_random_state(np.random.RandomState(seed))
        fitted.set_domain(domain=domain)
        fitted.fit(private)
        synthetic = fitted.generate(n_records=len(private))
        seconds = cpu_seconds() - start
        one = [total_variation(private, synthetic, [c]) for c in private.columns]
        two = [total_variation(private, synthetic, list(p)) for p in itertools.combinations(private.columns, 2)]
        print(json.dumps({"generator": f"dpmm {generator}", "rows": len(synthetic), "one_way": round(np.mean(one), 4),
                          "two_way": round(np.mean(two), 4), "worst": round(max(two), 4), "cpu_s": round(seconds, 2)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
