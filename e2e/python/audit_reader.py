"""Verifies an export of the audit log: audit_reader.py EXPORT [--key KEY] [CHECKPOINTS ...]. Written from docs/audit.md alone.

Prints one sentence for each thing that is wrong, or one that says what holds; exit 1 when anything is wrong.
"""

import argparse
import base64
import hashlib
import json
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# Characters have three bytes at most, or four for two of them.
LONGEST_LINE = 3 * 1_048_576
RECORD_LINE = re.compile(rb'\{"hash":"([0-9a-f]{64})","record":(.*)\}', re.DOTALL)
SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


class Refused(Exception):
    """What is wrong, as a sentence."""


def from_base64(text):
    decoded = base64.b64decode(text, validate=True)
    if base64.b64encode(decoded).decode() != text:
        raise Refused("Some base64 is not as it should be.")
    return decoded


class Key:
    def __init__(self, text):
        self.text = text
        self.name, key_id, encoded = text.split("+", 2)
        typed = from_base64(encoded)
        self.id = hashlib.sha256(self.name.encode() + b"\n" + typed).digest()[:4]
        if len(typed) != 33 or typed[0] != 1 or self.id.hex() != key_id:
            raise Refused("The key was not copied whole.")
        self.public = Ed25519PublicKey.from_public_bytes(typed[1:])


class Tree:
    """The edge of a tree that grows."""

    def __init__(self, size, edge):
        self.size = size
        self.roots = [edge[at : at + 32] for at in range(0, len(edge), 32)]
        if len(edge) != 32 * bin(size).count("1"):
            raise Refused("The edge in the head is not one of a tree of its size.")

    def append(self, leaf):
        index = self.size
        while index & 1:
            leaf = self.node(self.roots.pop(), leaf)
            index >>= 1
        self.roots.append(leaf)
        self.size += 1

    def root(self):
        if not self.roots:
            return hashlib.sha256(b"").digest()
        root = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            root = self.node(left, root)
        return root

    @staticmethod
    def node(left, right):
        return hashlib.sha256(b"\x01" + left + right).digest()


def open_checkpoint(note, key):
    """Size and root of a checkpoint whose signature is verified."""
    body, separator, signatures = note.rpartition("\n\n")
    lines = body.split("\n")
    if not separator or not signatures.endswith("\n") or len(lines) < 3 or "" in lines or not SIZE.fullmatch(lines[1]):
        raise Refused("A checkpoint cannot be read.")
    if lines[0] != key.name:
        raise Refused(f"A checkpoint is of another log, {lines[0]!r}.")
    own = []
    for line in signatures[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        signature = from_base64(encoded)
        if dash != "—" or len(signature) < 5:
            raise Refused("A checkpoint cannot be read.")
        if name == key.name and signature[:4] == key.id:
            own.append(signature[4:])
    if not own:
        raise Refused(f"The checkpoint of {lines[1]} records is not signed with the key of the log.")
    for signature in own:
        try:
            key.public.verify(signature, (body + "\n").encode())
        except InvalidSignature:
            raise Refused(f"The signature of the checkpoint of {lines[1]} records does not fit.") from None
    return int(lines[1]), from_base64(lines[2])


def size_of(note):
    return int(note.split("\n")[1])


def split_notes(text):
    """Notes that stand one after the other: behind the lines of signatures the next begins."""
    return re.findall(r"(?:(?!— )[^\n]+\n)+\n(?:— [^\n]+\n)+", text.replace("\r\n", "\n"))


class Export:
    def __init__(self, path, key_text, outside):
        self.problems = []
        self.notes = []
        self.roots = {}
        with open(path, "rb") as file:
            self.head = self.read_head(file.readline(LONGEST_LINE))
            self.key = Key(key_text or self.head["key"])
            if self.head["key"] != self.key.text or self.head["origin"] != self.key.name:
                self.problems.append("The head holds another key than the trusted one.")
            first = self.head["from"]
            self.tree = Tree(first, from_base64(self.head["edge"]) if first else b"")
            self.roots[first] = self.tree.root()
            # The checkpoints stand behind the records.
            self.wanted = {size_of(note) for note in [*self.notes_inside(path), *outside]}
            for line in iter(lambda: file.readline(LONGEST_LINE), b""):
                self.read_line(line.rstrip(b"\n"))

    @staticmethod
    def read_head(line):
        head = json.loads(line)
        if head.get("format") != "sealmq-audit-1":
            raise Refused("The file does not begin with the head of an export.")
        return head

    @staticmethod
    def notes_inside(path):
        with open(path, "rb") as file:
            yield from (json.loads(line)["checkpoint"] for line in file if line.startswith(b'{"checkpoint":'))

    def read_line(self, line):
        position = self.tree.size
        if line.startswith(b'{"checkpoint":'):
            self.notes.append(json.loads(line)["checkpoint"])
            return
        match = RECORD_LINE.fullmatch(line)
        if not match:
            raise Refused(f"The line of record {position} cannot be read.")
        stated, record = match.groups()
        leaf = hashlib.sha256(b"\x00" + record).digest()
        if leaf.hex() != stated.decode():
            self.problems.append(f"Record {position} does not fit its hash: it has been altered.")
        elif json.loads(record)["position"] != position:
            raise Refused(f"Record {json.loads(record)['position']} stands where record {position} should.")
        self.tree.append(bytes.fromhex(stated.decode()))
        if self.tree.size in self.wanted:
            self.roots[self.tree.size] = self.tree.root()

    def compare(self, notes):
        fitting, others = [self.head["from"]], []
        for size, root in (open_checkpoint(note, self.key) for note in notes):
            if size > self.tree.size:
                self.problems.append(f"A checkpoint says {size} records; only {self.tree.size} are there.")
            elif size in self.roots:
                (fitting if self.roots[size] == root else others).append(size)
        if others:
            size = min(others)
            held = max((fits for fits in fitting if fits < size), default=size)
            self.problems.append(f"Altered from record {held} to {size - 1}: the checkpoint of {size} records does not fit.")

    def verify(self, outside):
        for what, said, found in (
            ("records end before position", self.head["size"], self.tree.size),
            ("checkpoints number", self.head["checkpoints"], len(self.notes)),
        ):
            if said != found:
                self.problems.append(f"The {what} {found}; the head says {said}.")
        self.compare(self.notes + outside)
        proved = max(map(size_of, self.notes + outside), default=0)
        if proved < self.tree.size:
            self.problems.append(f"From record {proved} on nothing is proved.")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("export")
    arguments.add_argument("checkpoints", nargs="*")
    arguments.add_argument("--key")
    given = arguments.parse_args()
    try:
        outside = []
        for path in given.checkpoints:
            with open(path, encoding="utf-8", newline="") as file:
                outside += split_notes(file.read())
        export = Export(given.export, given.key, outside)
        export.verify(outside)
        problems = export.problems
    except Refused as refused:
        problems = [str(refused)]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        problems = ["The file is not an export, or is damaged."]
    if problems:
        print("\n".join(problems))
        return 1
    print(f"{export.tree.size - export.head['from']} records and {len(export.notes)} checkpoints of {export.key.name} hold.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
