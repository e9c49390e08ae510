"""A real run, verified by `verify_log.py`, which shares no code with the server: every checkpoint, every receipt, every
consistency proof that the server sends to a witness, every cosignature; and what is altered is rejected.

Three witnesses cosign: two are the binary's own, the third is this file. `LYCEUM_BIN` names the binary.
"""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import verify_log as v
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

BINARY = os.environ["LYCEUM_BIN"]
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("LYCEUM_")}
PATIENCE_SECONDS = 90


class Process:
    """A process of the binary that says where it listens."""

    def __init__(self, folder: Path, name: str, *arguments: str) -> None:
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.child = subprocess.Popen(
                [BINARY, *arguments, "--listen", "127.0.0.1:0"], stdout=out, stderr=err, env=ENVIRONMENT, cwd=folder
            )
        until = time.monotonic() + PATIENCE_SECONDS
        while "http://127.0.0.1:" not in (printed := self.out.read_text() + self.err.read_text()):
            assert self.child.poll() is None and time.monotonic() < until, printed
            time.sleep(0.02)
        self.url = "http://127.0.0.1:" + printed.split("http://127.0.0.1:")[1].split()[0]

    def stop(self) -> None:
        self.child.kill()
        self.child.wait()


@dataclass
class PythonWitness:
    """A third implementation of the protocol: checks with our own code, and keeps what it was sent."""

    log: v.Key
    secret: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    row: v.Checkpoint | None = None
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def key(self) -> v.Key:
        raw = self.secret.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return v.Key("python.example", 4, raw)

    def add_checkpoint(self, body: str) -> tuple[int, str]:
        old, proof, text = v.read_add_checkpoint(body)
        next_ = v.Policy(logs=[self.log]).believe(text)
        size, root = (self.row.size, self.row.root) if self.row else (0, v.tree_hash([]))
        if old != size:
            return 409, f"{size}\n"
        v.check_consistency(size, root, next_.size, next_.root, proof)
        self.requests.append(body)
        self.row = next_
        stamp = int(time.time())
        message = f"cosignature/v1\ntime {stamp}\n{v.Note.parse(text).text}"
        signed = self.key.id + stamp.to_bytes(8) + self.secret.sign(message.encode())
        return 200, f"\u2014 {self.key.name} {base64.b64encode(signed).decode()}\n"

    def serve(self) -> str:
        witness, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                with lock:
                    try:
                        status, answer = witness.add_checkpoint(body)
                    except v.Rejected as why:
                        witness.faults.append(str(why))
                        status, answer = 422, f"{why}\n"
                self.send_response(status)
                self.send_header("content-length", str(len(answer.encode())))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"


@dataclass
class Run:
    folder: Path
    policy: v.Policy
    policy_text: str
    witness: PythonWitness
    checkpoints: list[str]
    receipts: dict[int, str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("log")
    home = folder / "home"
    Process(folder, "first", "serve", "--home", str(home)).stop()
    vkey = home / "log" / "log.vkey"
    third = PythonWitness(v.Key.parse(vkey.read_text()))
    lines, processes = [f"log {vkey.read_text().strip()}"], []
    for name in ("shop", "uni"):
        started = Process(
            folder, name, "audit", "witness", "--home", str(folder / name), "--name", name, "--log", str(vkey)
        )
        processes.append(started)
        lines.append(f"witness {name} {started.out.read_text().strip()} {started.url}")
    lines += [f"witness python {third.key} {third.serve()}", "group all-three all shop uni python", "quorum all-three"]
    policy_text = "\n".join(lines) + "\n"
    (home / "log" / "policy").write_text(policy_text)
    server = Process(folder, "server", "serve", "--home", str(home))
    processes.append(server)
    try:
        return record(folder, server.url, (home / "admin.token").read_text().strip(), policy_text, third)
    finally:
        for process in processes:
            process.stop()


def record(folder: Path, url: str, token: str, policy_text: str, third: PythonWitness) -> Run:
    """Some hundred events, with a checkpoint and a receipt after each few; then a copy of it all."""

    def call(path: str, body: dict | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url + path, data, headers)) as response:
            return response.read()

    receipts, checkpoints = {}, []
    for turn in range(300):
        call("/v1/users/admin/tokens", {"label": f"token {turn}"})
        if turn % 10 == 0:
            size = json.loads(call("/v1/audit/claims"))["size"]
            for index in (size - 1, turn // 2):
                receipts[index] = call(f"/v1/audit/receipts/{index}").decode()
            checkpoints.append(call("/v1/audit/checkpoint").decode())
    shell = ENVIRONMENT | {"LYCEUM_SERVER": url, "LYCEUM_TOKEN": token, "LYCEUM_CONFIG": str(folder / "config.toml")}
    subprocess.run([BINARY, "audit", "export", str(folder / "copy")], env=shell, check=True, capture_output=True)
    return Run(folder, v.Policy.parse(policy_text), policy_text, third, checkpoints, receipts)


def rejected(copy: Path, policy: v.Policy, saved: str | None = None) -> bool:
    try:
        v.verify_copy(copy, policy, saved)
    except (v.Rejected, OSError, UnicodeDecodeError):
        return True
    return False


def test_everything_that_the_run_gave_out_is_accepted(run: Run) -> None:
    assert run.witness.faults == []
    assert len(run.witness.requests) > 5
    _, hashes = v.verify_copy(run.folder / "copy", run.policy)
    assert len(hashes) > v.WIDTH
    for text in run.checkpoints:
        believed = run.policy.believe(text)
        assert v.tree_hash(hashes[: believed.size]) == believed.root
        v.verify_copy(run.folder / "copy", run.policy, saved=text)
    for index, text in run.receipts.items():
        proved, event = v.verify_receipt(text, run.policy)
        assert proved == index
        assert event["type"].startswith(("log.", "identity."))


def test_consistency_proofs_sent_to_witnesses_are_those_of_the_standard(run: Run) -> None:
    _, hashes = v.verify_copy(run.folder / "copy", run.policy)
    compared = 0
    for body in run.witness.requests:
        old, proof, text = v.read_add_checkpoint(body)
        new = v.Checkpoint.parse(v.Note.parse(text).text).size
        if new <= len(hashes):  # The export itself is noted in the log after what it copies.
            assert proof == v.consistency_proof(old, hashes[:new])
            compared += 1
    assert compared > 5


def test_own_proofs_hold_for_all_small_trees() -> None:
    hashes = [v.leaf_hash(bytes([n])) for n in range(40)]
    roots = [v.tree_hash(hashes[:n]) for n in range(41)]
    for new in range(1, 41):
        for old in range(1, new + 1):
            proof = v.consistency_proof(old, hashes[:new])
            v.check_consistency(old, roots[old], new, roots[new], proof)
            with pytest.raises(v.Rejected):
                v.check_consistency(old, roots[old], new, v.leaf_hash(b"another"), proof)


def test_a_cosignature_less_is_no_quorum(run: Run) -> None:
    text, _, lines = run.checkpoints[-1].rpartition("\n\n")
    for missing in range(1, 4):
        kept = [line for i, line in enumerate(lines.splitlines()) if i != missing]
        with pytest.raises(v.Rejected):
            run.policy.believe(text + "\n\n" + "\n".join(kept) + "\n")


def test_altered_checkpoints_and_receipts_are_rejected(run: Run) -> None:
    texts = [(run.checkpoints[-1], run.policy.believe)]
    texts += [(text, lambda t: v.verify_receipt(t, run.policy)) for text in list(run.receipts.values())[:6]]
    chance = random.Random(7)
    for text, check in texts:
        data = text.encode()
        for at in chance.sample(range(len(data)), min(len(data), 150)):
            changed = bytearray(data)
            changed[at] ^= 1 << chance.randrange(7)
            with pytest.raises((v.Rejected, UnicodeDecodeError)):
                check(bytes(changed).decode())


def test_altered_copies_are_rejected(run: Run) -> None:
    copy, altered = run.folder / "copy", run.folder / "altered"
    files = sorted(path.relative_to(copy) for path in (copy / "tile").rglob("*") if path.is_file())
    chance = random.Random(8)
    shutil.copytree(copy, altered)
    for turn in range(200):
        path = files[turn % len(files)]
        data = (copy / path).read_bytes()
        at = chance.randrange(len(data))
        change = chance.choice(["byte", "cut", "swap"])
        changed = bytearray(data)
        if change == "byte":
            changed[at] ^= chance.randrange(1, 256)
        elif change == "cut":
            del changed[at:]
        else:
            other = chance.randrange(len(data))
            changed[at], changed[other] = changed[other], changed[at]
        if bytes(changed) != data:
            (altered / path).write_bytes(changed)
            assert rejected(altered, run.policy), f"{change} at {at} of {path}"
            (altered / path).write_bytes(data)
    assert not rejected(altered, run.policy)


def test_rollbacks_and_foreign_histories_are_rejected(run: Run) -> None:
    old = run.folder / "old"
    shutil.copytree(run.folder / "copy", old)
    (old / "checkpoint").write_text(run.checkpoints[2])
    assert rejected(old, run.policy, saved=run.checkpoints[-1])
    stranger = Ed25519PrivateKey.generate()
    public = stranger.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    key = v.Key(run.policy.logs[0].name, 1, public)
    text = v.Note.parse(run.checkpoints[-1]).text
    line = base64.b64encode(key.id + stranger.sign(text.encode())).decode()
    with pytest.raises(v.Rejected):
        run.policy.believe(f"{text}\n\u2014 {key.name} {line}\n")


def test_the_script_says_what_it_found(run: Run) -> None:
    policy, receipt = run.folder / "policy", run.folder / "one.tlog-proof"
    policy.write_text(run.policy_text)
    receipt.write_text(next(iter(run.receipts.values())))
    script = [sys.executable, v.__file__, str(run.folder / "copy"), "--policy", str(policy), "--receipt", str(receipt)]
    done = subprocess.run(script, capture_output=True, text=True)
    assert (done.returncode, done.stdout.count("ok: ")) == (0, 2), done.stdout
    receipt.write_text(receipt.read_text().replace("index ", "index 1", 1))
    done = subprocess.run(script, capture_output=True, text=True)
    assert (done.returncode, "rejected: " in done.stdout) == (1, True), done.stdout
