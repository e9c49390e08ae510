"""A Lyceum server of one's own, filled with generated advertising data, for as long as it is needed.

    python notebooks/server.py                                         serve until Ctrl-C
    python notebooks/server.py jupyter lab notebooks/quickstart.ipynb  serve while a program runs

Everything is real: the `lyceum` binary, its HTTP interface, accounts, upload, review, budget and log. Only the people
in the data are made up. The tests of the notebooks start their server with `serving` below. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
WORKSPACE = "ads-lift"
SECONDS_TO_START = 60
SECONDS_TO_STOP = 30


@dataclass(frozen=True)
class Server:
    """A running server, and whatever is needed to ask it something."""

    url: str
    workspace: str
    researcher_token: str
    data: Path
    """Folder with the generated CSV files: what the server was given, and what a researcher never sees."""

    def environment(self) -> dict[str, str]:
        """The variables that notebooks read."""
        return {
            "LYCEUM_SERVER": self.url,
            "LYCEUM_TOKEN": self.researcher_token,
            "LYCEUM_WORKSPACE": self.workspace,
        }


@contextmanager
def serving(binary: Path, folder: Path, users: int, mean_per_day: float = 0.3) -> Iterator[Server]:
    """Starts a server with its home in `folder`, plays operator, partner and reviewer, and stops it at the end.

    The data is `users` people over 30 days, each with `mean_per_day` advertisements a day on average.
    The population may spend ε = 4 in all, δ = 1e-7; the policy of `datasets/ads` lets a researcher spend ε = 2 of it.
    Raises `RuntimeError`, with what the program said, if a step fails.
    """
    home, data, log = folder / "home", folder / "data", folder / "server.log"
    command = [str(binary), "serve", "--home", str(home), "--listen", "127.0.0.1:0"]
    # The data is small and made up: answers need not wait for the time that the declared two million rows would take.
    quick = {"LYCEUM_QUERY_BASE_MILLIS": "20", "LYCEUM_QUERY_GRID_MILLIS": "20", "LYCEUM_QUERY_ROW_NANOS": "0"}
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=_environment(folder, quick))
    try:
        url = _wait_for_address(process, log)
        token = _furnish(binary, folder, home, data, url, users, mean_per_day)
        yield Server(url=url, workspace=WORKSPACE, researcher_token=token, data=data)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def default_binary() -> Path:
    """`LYCEUM_BIN`, else what Cargo built last, optimised or not."""
    if named := os.environ.get("LYCEUM_BIN"):
        return Path(named)
    built = [REPOSITORY / "target" / profile / "lyceum" for profile in ("release", "debug")]
    found = [path for path in built if path.exists()]
    if not found:
        raise RuntimeError("there is no lyceum binary: run `cargo build --release`, or set LYCEUM_BIN")
    return max(found, key=lambda path: path.stat().st_mtime)


def _furnish(binary: Path, folder: Path, home: Path, data: Path, url: str, users: int, mean_per_day: float) -> str:
    """Accounts, data, release and approval; gives the researcher's token."""
    ads = REPOSITORY / "datasets" / "ads"

    def lyceum(token: str, *arguments: str) -> dict:
        login = {"LYCEUM_SERVER": url, "LYCEUM_TOKEN": token}
        command = [str(binary), "--json", *arguments]
        done = subprocess.run(command, env=_environment(folder, login), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = f"{done.stdout}{done.stderr}"
            raise RuntimeError(f"lyceum {' '.join(arguments)} ended with {done.returncode}:\n{said}")
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else {}

    admin = (home / "admin.token").read_text().strip()
    tokens = {}
    people = {"steward": ("partner", "lyceum-samples"), "scholar": ("researcher", "university"),
              "examiner": ("reviewer", "ethics-board")}
    lyceum(admin, "workspace", "create", WORKSPACE, "--purpose", "Lift of a randomised advertising campaign")
    for name, (role, organisation) in people.items():
        lyceum(admin, "user", "create", name, "--organisation", organisation, "--role", role)
        tokens[name] = lyceum(admin, "token", "create", name, "--label", "notebooks")["secret"]
        lyceum(admin, "workspace", "add-member", WORKSPACE, name, "--role", role)

    size = str(users)
    plan = ["--users", size, "--days", "30", "--seed", "7", "--mean-per-day", str(mean_per_day), "--out", str(data)]
    lyceum("", "generate", "ads", *plan)
    steward = tokens["steward"]
    lyceum(steward, "population", "create", "ads-people", "--epsilon", "4", "--delta", "1e-7", "--size", size)
    lyceum(steward, "dataset", "create", str(ads / "manifest.toml"))
    files = [str(data / f"{table}.csv") for table in ("users", "events", "campaigns")]
    lyceum(steward, "dataset", "upload", "ads", *files)
    policy = str(ads / "policy.toml")
    proposed = lyceum(steward, "release", "propose", "ads", "--workspace", WORKSPACE, "--policy", policy)
    lyceum(tokens["examiner"], "release", "approve", proposed["id"], "--reason", "generated data, a demonstration")
    return tokens["scholar"]


def _wait_for_address(process: subprocess.Popen, log: Path) -> str:
    """The address that the server prints once it listens."""
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        for line in log.read_text().splitlines():
            if "listens on http://" in line:
                return "http://" + line.split("listens on http://", 1)[1].split()[0]
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{log.read_text()}")
        time.sleep(0.05)
    raise RuntimeError(f"the server did not listen within {SECONDS_TO_START} s:\n{log.read_text()}")


def _environment(folder: Path, more: dict[str, str]) -> dict[str, str]:
    """This process's environment without Lyceum's own variables, so that nobody's login or settings leak in."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LYCEUM_")}
    return clean | {"LYCEUM_CONFIG": str(folder / "login.toml")} | more


def main() -> int:
    """Serves until the given program ends, or until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve generated advertising data from a temporary folder.")
    parser.add_argument("--users", type=int, default=100_000, help="people to generate (default: 100000)")
    parser.add_argument("program", nargs=argparse.REMAINDER, help="runs with the variables set; default: wait")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lyceum-") as folder:
        print("starting a server and filling it …", file=sys.stderr)
        with serving(default_binary(), Path(folder), arguments.users) as server:
            if arguments.program:
                return subprocess.run(arguments.program, env=os.environ | server.environment(), check=False).returncode
            for name, value in server.environment().items():
                print(f"export {name}={value}")
            print("serving until Ctrl-C", file=sys.stderr)
            try:
                signal.pause()
            except KeyboardInterrupt:
                return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
