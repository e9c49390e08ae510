"""An independent verifier of a copied log, written against the C2SP documents (signed-note, tlog-checkpoint, tlog-tiles,
tlog-cosignature, tlog-policy, tlog-proof, tlog-witness) and RFC 6962: standard library, and Ed25519 from `cryptography`.

    python verify_log.py COPY --policy POLICY [--saved CHECKPOINT] [--receipt FILE]...

COPY is what `lyceum audit export` writes. Exit status 1: something does not hold, and the text says what.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256


class Rejected(Exception):
    """Something that does not hold."""


def need(holds: bool, why: str) -> None:
    if not holds:
        raise Rejected(why)


def unbase64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected("not base64") from error
    need(base64.b64encode(data).decode() == text, "base64 with a second spelling")
    return data


def decimal(text: str) -> int:
    need(text.isascii() and text.isdigit() and str(int(text)) == text, "not a decimal number")
    return int(text)


# Trees (RFC 6962)


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(n: int) -> int:
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def tree_hash(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, over leaf hashes: by folding, not by recursion, for long lists."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    stack: list[tuple[int, bytes]] = []
    for value in hashes:
        size = 1
        while stack and stack[-1][0] == size:
            value, size = node_hash(stack.pop()[1], value), size * 2
        stack.append((size, value))
    value = stack.pop()[1]
    while stack:
        value = node_hash(stack.pop()[1], value)
    return value


def root_from_path(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """Inverts PATH(m, D[n]) of RFC 6962, section 2.1.1, top-down."""
    if size == 1:
        need(not path, "the proof is too long")
        return leaf
    need(bool(path), "the proof is too short")
    k, sibling, rest = split(size), path[-1], path[:-1]
    if index < k:
        return node_hash(root_from_path(index, k, leaf, rest), sibling)
    return node_hash(sibling, root_from_path(index - k, size - k, leaf, rest))


def roots_from_consistency(old: int, new: int, old_root: bytes, proof: list[bytes], whole: bool) -> tuple[bytes, bytes]:
    """Inverts SUBPROOF(m, D[n], b) of RFC 6962, section 2.1.2: what the proof says that the two roots are."""
    if old == new:
        if whole:
            need(not proof, "the proof is too long")
            return old_root, old_root
        need(len(proof) == 1, "the proof has a wrong length")
        return proof[0], proof[0]
    need(bool(proof), "the proof is too short")
    k, last, rest = split(new), proof[-1], proof[:-1]
    if old <= k:
        before, after = roots_from_consistency(old, k, old_root, rest, whole)
        return before, node_hash(after, last)
    before, after = roots_from_consistency(old - k, new - k, old_root, rest, False)
    return node_hash(last, before), node_hash(last, after)


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: list[bytes]) -> None:
    need(old <= new, "the tree shrank")
    if old == 0:
        need(not proof and old_root == tree_hash([]), "nothing needs no proof")
        return
    before, after = roots_from_consistency(old, new, old_root, proof, True)
    need(before == old_root and after == new_root, "the consistency proof does not hold")


def consistency_proof(old: int, hashes: list[bytes]) -> list[bytes]:
    """PROOF(m, D[n]) of RFC 6962, section 2.1.2, over leaf hashes."""

    def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
        if m == len(leaves):
            return [] if whole else [tree_hash(leaves)]
        k = split(len(leaves))
        if m <= k:
            return [*subproof(m, leaves[:k], whole), tree_hash(leaves[k:])]
        return [*subproof(m - k, leaves[k:], False), tree_hash(leaves[:k])]

    return subproof(old, hashes, True) if 0 < old else []


# Notes, keys, checkpoints


@dataclass(frozen=True)
class Key:
    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @staticmethod
    def parse(text: str) -> Key:
        parts = text.strip().split("+", 2)
        need(len(parts) == 3, "not a verifier key")
        data = unbase64(parts[2])
        need(len(data) == 33 and data[0] in (1, 4), "not an Ed25519 key")
        key = Key(parts[0], data[0], data[1:])
        need(key.id.hex() == parts[1], "the key id is not that of the key")
        return key

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    def check(self, text: str, signature: bytes) -> int | None:
        """Raises unless it signed; gives the time of a cosignature."""
        time, message = None, text
        if self.kind == 4:
            need(len(signature) == 72, "a cosignature has 72 bytes")
            time, signature = int.from_bytes(signature[:8]), signature[8:]
            message = f"cosignature/v1\ntime {time}\n{text}"
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message.encode())
        except InvalidSignature as error:
            raise Rejected(f"the signature of {self.name} does not verify") from error
        return time


@dataclass(frozen=True)
class Note:
    text: str
    lines: list[tuple[str, bytes, bytes]]

    @staticmethod
    def parse(note: str) -> Note:
        text, blank, tail = note.rpartition("\n\n")
        need(bool(blank) and tail.endswith("\n"), "not a signed note")
        need(all(c == "\n" or ord(c) >= 0x20 for c in note), "control characters in a note")
        return Note(text + "\n", [signature_line(line) for line in tail[:-1].split("\n")])

    def signed_by(self, key: Key) -> bool:
        mine = [signature for name, id, signature in self.lines if (name, id) == (key.name, key.id)]
        for signature in mine:
            key.check(self.text, signature)
        return bool(mine)


def signature_line(line: str) -> tuple[str, bytes, bytes]:
    words = line.split(" ")
    need(len(words) == 3 and words[0] == "\u2014" and bool(words[1]) and "+" not in words[1], "not a signature line")
    data = unbase64(words[2])
    need(len(data) > 4, "a signature line without a signature")
    return words[1], data[:4], data[4:]


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    @staticmethod
    def parse(text: str) -> Checkpoint:
        lines = text.split("\n")
        need(len(lines) == 4 and lines[3] == "", "not a checkpoint of three lines")
        root = unbase64(lines[2])
        need(len(root) == 32 and bool(lines[0]), "not a checkpoint")
        return Checkpoint(lines[0], decimal(lines[1]), root)


# Policies


@dataclass
class Policy:
    logs: list[Key] = field(default_factory=list)
    witnesses: dict[str, Key] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    quorum: str | None = None

    @staticmethod
    def parse(text: str) -> Policy:
        policy, said = Policy(), False
        for line in text.split("\n"):
            words = line.replace("\t", " ").split()
            if not words or words[0].startswith("#"):
                continue
            kind, *rest = words
            if kind == "log" and len(rest) in (1, 2):
                policy.logs.append(Key.parse(rest[0]))
            elif kind == "witness" and len(rest) in (2, 3):
                policy.witnesses[rest[0]] = Key.parse(rest[1])
            elif kind == "group" and len(rest) >= 3:
                needed = {"any": 1, "all": len(rest) - 2}.get(rest[1]) or decimal(rest[1])
                need(1 <= needed <= len(rest) - 2, "a group that can't be met")
                policy.groups[rest[0]] = (needed, rest[2:])
            elif kind == "quorum" and len(rest) == 1 and not said:
                policy.quorum, said = None if rest[0] == "none" else rest[0], True
            else:
                raise Rejected(f"not a line of a policy: {line}")
        need(said and bool(policy.logs), "a policy names a log and a quorum")
        return policy

    def met(self, name: str, signed: set[str]) -> bool:
        if name in self.groups:
            needed, members = self.groups[name]
            return sum(self.met(member, signed) for member in members) >= needed
        need(name in self.witnesses, f"{name} is not declared")
        return name in signed

    def believe(self, text: str, quorum: bool = True) -> Checkpoint:
        note = Note.parse(text)
        checkpoint = Checkpoint.parse(note.text)
        mine = [key for key in self.logs if key.kind == 1 and key.name == checkpoint.origin and note.signed_by(key)]
        need(bool(mine), "no log of the policy signed")
        signed = {name for name, key in self.witnesses.items() if key.kind == 4 and note.signed_by(key)}
        if quorum and self.quorum is not None:
            need(self.met(self.quorum, signed), f"the quorum {self.quorum} is not met: only {sorted(signed)} signed")
        return checkpoint


# Tiles, receipts, requests to witnesses


def tile_path(level: str, index: int, width: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return f"tile/{level}/{'/'.join(groups)}" + ("" if width == WIDTH else f".p/{width}")


def read_entries(copy: Path, size: int) -> list[bytes]:
    entries: list[bytes] = []
    for index in range(-(-size // WIDTH)):
        width = min(WIDTH, size - index * WIDTH)
        data, found = (copy / tile_path("entries", index, width)).read_bytes(), 0
        while data:
            need(len(data) >= 2, "a bundle is cut short")
            length = int.from_bytes(data[:2])
            need(len(data) >= 2 + length, "a bundle is cut short")
            entries.append(data[2 : 2 + length])
            data, found = data[2 + length :], found + 1
        need(found == width, f"bundle {index} has {found} entries instead of {width}")
    return entries


def check_tiles(copy: Path, hashes: list[bytes]) -> None:
    """Every hash tile of the tree, from the leaves up."""
    level = 0
    while hashes:
        for index in range(-(-len(hashes) // WIDTH)):
            part = hashes[index * WIDTH : (index + 1) * WIDTH]
            path = tile_path(str(level), index, len(part))
            need((copy / path).read_bytes() == b"".join(part), f"{path} does not follow from below")
        full = len(hashes) // WIDTH
        hashes = [tree_hash(hashes[i * WIDTH : (i + 1) * WIDTH]) for i in range(full)]
        level += 1


def verify_copy(copy: Path, policy: Policy, saved: str | None = None) -> tuple[Checkpoint, list[bytes]]:
    """The checkpoint of the copy and its leaf hashes, if all of it holds."""
    checkpoint = policy.believe((copy / "checkpoint").read_text())
    entries = read_entries(copy, checkpoint.size)
    hashes = [leaf_hash(entry) for entry in entries]
    check_tiles(copy, hashes)
    need(tree_hash(hashes) == checkpoint.root, "the entries do not lead to the signed root")
    for index, entry in enumerate(entries):
        event = json.loads(entry)
        need(event["v"] == 1 and (event["type"] == "log.started") == (index == 0), f"entry {index} is not an event")
    if saved is not None:
        then = policy.believe(saved, quorum=False)
        need(then.size <= checkpoint.size, "the log was rolled back")
        need(tree_hash(hashes[: then.size]) == then.root, "the log was forked")
        check_consistency(then.size, then.root, checkpoint.size, checkpoint.root, consistency_proof(then.size, hashes))
    return checkpoint, hashes


def verify_receipt(text: str, policy: Policy) -> tuple[int, dict]:
    """The index and the event that a `.tlog-proof` proves."""
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    need(bool(blank) and lines.pop(0) == "c2sp.org/tlog-proof@v1", "not a receipt")
    need(bool(lines) and lines[0].startswith("extra "), "a receipt of ours carries its event")
    event = unbase64(lines.pop(0)[6:])
    need(bool(lines) and lines[0].startswith("index "), "a receipt without an index")
    index = decimal(lines.pop(0)[6:])
    path = [unbase64(line) for line in lines]
    need(len(path) <= 64 and all(len(hash) == 32 for hash in path), "a receipt with wrong hashes")
    checkpoint = policy.believe(note)
    need(index < checkpoint.size, "the checkpoint does not reach the entry")
    root = root_from_path(index, checkpoint.size, leaf_hash(event), path)
    need(root == checkpoint.root, "the inclusion proof does not hold")
    return index, json.loads(event)


def read_add_checkpoint(body: str) -> tuple[int, list[bytes], str]:
    """Old size, consistency proof and note of a request to a witness."""
    head, blank, note = body.partition("\n\n")
    lines = head.split("\n")
    need(bool(blank) and lines[0].startswith("old ") and len(lines) <= 64, "not an add-checkpoint request")
    proof = [unbase64(line) for line in lines[1:]]
    need(all(len(hash) == 32 for hash in proof), "a proof with wrong hashes")
    return decimal(lines[0][4:]), proof, note


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify a copied log and receipts offline.")
    parser.add_argument("copy", type=Path)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--saved", type=Path)
    parser.add_argument("--receipt", type=Path, action="append", default=[])
    given = parser.parse_args()
    try:
        policy = Policy.parse(given.policy.read_text())
        saved = given.saved.read_text() if given.saved else None
        checkpoint, _ = verify_copy(given.copy, policy, saved)
        print(f"ok: {checkpoint.size} entries of {checkpoint.origin}")
        for receipt in given.receipt:
            index, event = verify_receipt(receipt.read_text(), policy)
            print(f"ok: {receipt} proves entry {index} ({event['type']})")
    except (Rejected, OSError, UnicodeDecodeError, KeyError, TypeError, json.JSONDecodeError) as why:
        print(f"rejected: {why}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
