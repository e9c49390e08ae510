"""A public client of the tus protocol, tuspy from PyPI, unmodified, against a real server: whole, in chunks with checksums,
and resumed by another client after the first one stopped.

`cargo xtask test` runs this with `LYCEUM_BIN` naming the binary.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

MANIFEST = """
[dataset]
name = "visits"
title = "Visits"
version = "1"
owner = "operator"
licence = "none"
source = "made up for a test"

[[table]]
name = "visits"
description = "One row per visit."
privacy_unit = "none"
expected_rows = 10_000

[[table.column]]
name = "page"
type = "string"
role = "dimension"
max_bytes = 32

[[table.column]]
name = "seconds"
type = "int32"
role = "measure"
bounds = [0, 600]
"""

ROWS = 10_000
CONTENT = ("page,seconds\n" + "".join(f"page-{i % 97},{i % 600}\n" for i in range(ROWS))).encode()


@dataclass(frozen=True)
class Partner:
    """Somebody who may upload."""

    url: str
    headers: dict[str, str]

    def post(self, path: str, **body: object) -> requests.Response:
        """POST; anything but success is a failure of the test."""
        response = requests.post(self.url + path, headers=self.headers, timeout=60, **body)
        assert response.ok, response.text
        return response

    def draft(self) -> str:
        """Begins a version; its id."""
        return self.post("/v1/datasets/visits/versions", json={}).json()["id"]

    def uploader(self, file: Path, version: str, **options: object):
        """tuspy's uploader for a file of the table."""
        client = TusClient(self.url + "/v1/uploads", headers=self.headers)
        metadata = {"dataset": "visits", "version": version, "table": "visits", "filename": file.name}
        return client.uploader(str(file), metadata=metadata, **options)

    def table(self, version: str, *uploads: str) -> dict:
        """Makes the table of received files; the report."""
        path = f"/v1/datasets/visits/versions/{version}/tables/visits"
        return self.post(path, json={"uploads": [url.rsplit("/", 1)[1] for url in uploads]}).json()


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partner]:
    """A server on a home of its own, and a partner on it with a declared dataset."""
    folder = tmp_path_factory.mktemp("tus")
    home, log = folder / "home", folder / "server.log"
    command = [os.environ["LYCEUM_BIN"], "serve", "--home", str(home), "--listen", "127.0.0.1:0"]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            url = listening(server, log)
            admin = Partner(url, {"Authorization": f"Bearer {(home / 'admin.token').read_text().strip()}"})
            admin.post("/v1/users", json={"name": "steward", "organisation": "operator", "role": "partner"})
            secret = admin.post("/v1/users/steward/tokens", json={}).json()["secret"]
            steward = Partner(url, {"Authorization": f"Bearer {secret}"})
            toml = {"headers": {**steward.headers, "Content-Type": "application/toml"}}
            declared = requests.post(url + "/v1/datasets", data=MANIFEST, timeout=60, **toml)
            assert declared.ok, declared.text
            yield steward
        finally:
            server.terminate()


def listening(server: subprocess.Popen, log: Path) -> str:
    """Waits until the server says where it listens."""
    for _ in range(600):
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text(errors="replace"))
        if found:
            return found.group()
        assert server.poll() is None, log.read_text(errors="replace")
        time.sleep(0.1)
    raise TimeoutError(log.read_text(errors="replace"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The table as a CSV file."""
    path = tmp_path / "visits.csv"
    path.write_bytes(CONTENT)
    return path


def test_a_file_in_one_request(partner: Partner, file: Path) -> None:
    version = partner.draft()
    uploader = partner.uploader(file, version)
    uploader.upload()
    report = partner.table(version, uploader.url)
    assert (report["rows_in"], report["rows_accepted"], report["bytes"]) == (ROWS, ROWS, len(CONTENT))


def test_chunks_with_checksums(partner: Partner, file: Path) -> None:
    version = partner.draft()
    uploader = partner.uploader(file, version, chunk_size=10_007, upload_checksum=True)
    uploader.upload()
    assert partner.table(version, uploader.url)["rows_accepted"] == ROWS


def test_another_client_goes_on(partner: Partner, file: Path) -> None:
    version = partner.draft()
    first = partner.uploader(file, version, chunk_size=30_000)
    first.upload_chunk()
    first.upload_chunk()
    assert first.offset == 60_000
    second = partner.uploader(file, version, chunk_size=1 << 20, url=first.url)
    assert second.offset == 60_000
    second.upload()
    assert partner.table(version, second.url)["rows_accepted"] == ROWS


def test_a_wrong_token_begins_nothing(partner: Partner, file: Path) -> None:
    stranger = Partner(partner.url, {"Authorization": "Bearer lyc_" + "A" * 43})
    with pytest.raises(TusCommunicationError):
        stranger.uploader(file, partner.draft()).upload()
