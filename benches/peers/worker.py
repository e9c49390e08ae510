"""Runs one peer on one query in a process of its own and writes one JSON file: times, CPU, peak memory, answers."""
import argparse
import importlib
import json
import os
import resource
import sys
import time

import psutil

from base import Refused
from queries import QUERIES


def tree():
    me = psutil.Process()
    return [me] + me.children(recursive=True)


def cpu():
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


def reset_peak():
    for process in tree():
        try:
            open(f"/proc/{process.pid}/clear_refs", "w").write("5")
        except OSError:
            pass


def peak():
    kib = 0
    for process in tree():
        try:
            kib += sum(int(line.split()[1]) for line in open(f"/proc/{process.pid}/status") if line.startswith("VmHWM"))
        except OSError:
            pass
    return kib * 1024


def plain(row):
    return [[str(key) for key in row[:-1]], None if row[-1] is None else float(row[-1])]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--module", required=True)
    a.add_argument("--engine", required=True)
    a.add_argument("--query", required=True)
    a.add_argument("--data", required=True)
    a.add_argument("--runs", type=int, required=True)
    a.add_argument("--trials", type=int, required=True)
    a.add_argument("--slow", type=float, required=True, help="a run longer than this many seconds is the last one")
    a.add_argument("--out", required=True)
    o = a.parse_args()
    sys.setrecursionlimit(10_000)
    query = QUERIES[o.query]
    cell = {"engine": o.engine, "query": o.query, "status": "ok", "reason": "", "walls": [], "outputs": []}

    def write():
        with open(o.out + ".part", "w") as f:
            json.dump(cell, f)
        os.replace(o.out + ".part", o.out)

    try:
        engine = importlib.import_module(o.module).ENGINES[o.engine](o.data)
        engine.setup(query)
        reset_peak()
        cpus, done = [], 0
        while True:
            before, start = cpu(), time.perf_counter()
            rows = engine.run(query)
            wall = time.perf_counter() - start
            cpus.append(cpu() - before)
            cell["outputs"].append([plain(row) for row in rows])
            # The first run warms up, unless it is so slow that it stays the only one.
            if done > 0 or wall > o.slow:
                cell["walls"].append(wall)
                cell["cpu"] = sorted(cpus[min(1, done):])[len(cpus[min(1, done):]) // 2]
                cell["peak_bytes"] = peak()
            done += 1
            write()
            enough = done > o.runs and (not engine.private or done >= o.trials)
            if wall > o.slow or enough:
                break
    except Refused as e:
        cell.update(status="refused", reason=str(e)[:300])
    except BaseException as e:  # a peer may panic in any way
        cell.update(status="failed", reason=f"{type(e).__name__}: {e}"[:300])
    write()
    os._exit(0)


if __name__ == "__main__":
    main()
