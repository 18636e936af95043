"""Opens as a receiver does: the order of checks and freshness (docs/protocol.md, sections 8 and 9)."""

import cbor2
from sealed_message import (MessageKey, Refused, decode_envelope, decode_inner, expand, hkdf, is_topic_name, matches, require,
                            read_signed_object, verify, SUITES)


class Receiver:
    def __init__(self, setup):
        read = lambda kind: read_signed_object(kind, bytes.fromhex(setup[kind]), bytes.fromhex(setup["authorityKey"]), bytes.fromhex(setup["deployment"]))
        self.manifest = read("manifest")
        self.senders = {entry["sender"]: entry for entry in read("directory")["senders"]}
        self.epochs = {epoch["epoch"]: epoch for epoch in self.manifest["epochs"]}
        self.keys = {int(epoch): bytes.fromhex(key) for epoch, key in setup["epochKeys"].items()}
        self.floors, self.sessions, self.states = {}, {}, {}
        for number, key in self.keys.items():
            epoch = self.epochs[number]
            info = ["sealmq/1 key check", self.manifest["deployment"], self.manifest["channel"], number, SUITES[epoch["suite"]][0]]
            require(hkdf(key, b"", info, 32) == epoch["keyCheck"], "key-check")

    def holds(self, topic):
        return is_topic_name(topic) and any(matches(entry, topic) for entry in self.manifest["filters"])

    def may_publish(self, sender, topic):
        entry = self.senders[sender]
        if any(role in self.manifest["publishRoles"] for role in entry["roles"]):
            return True
        device = entry["memberName"] if entry.get("kind") == "device" else None
        filters = [expand(text, device) for grant in self.manifest.get("publishWithin", []) if grant["role"] in entry["roles"] for text in grant["filters"]]
        return any(text is not None and matches(text, topic) for text in filters)

    def message_key(self, epoch, sender, session):
        return MessageKey(epoch["suite"], self.keys[epoch["epoch"]], self.manifest["deployment"], self.manifest["channel"], epoch["epoch"], sender, session)

    def structures(self, epoch, topic, protected, ciphertext):
        external = cbor2.dumps(["sealmq/1", self.manifest["deployment"], self.manifest["channel"], epoch["kind"], epoch["signing"], topic, epoch["keyCheck"]])
        return external, cbor2.dumps(["Encrypt0", protected, external]), cbor2.dumps(["CounterSignature0", protected, external, ciphertext])

    def open(self, topic, envelope, now, retained=False, shared=False, duplicate=False):
        parts = decode_envelope(envelope)
        require(self.holds(topic) and parts["epoch"] in self.epochs and parts["epoch"] in self.keys, "unknown-key")
        epoch = self.epochs[parts["epoch"]]
        require(epoch["openUntil"] is None or now <= epoch["openUntil"], "epoch-retired")
        require(parts["sender"] in self.senders, "unknown-sender")
        sender = self.senders[parts["sender"]]
        require(sender["revokedAt"] is None and parts["sealedAt"] <= sender.get("endedAt", parts["sealedAt"]) + 5000, "revoked")
        signed = parts["signature"] is not None
        require(parts["suite"] == epoch["suite"] and signed == (epoch["signing"] == "each") and epoch["signing"] != "batch", "wrong-suite")
        key = self.message_key(epoch, parts["sender"], parts["session"])
        external, enc, countersign = self.structures(epoch, topic, parts["protected"], parts["ciphertext"])
        plaintext = key.open(parts["partialIv"], enc, parts["ciphertext"])
        require(not signed or verify(sender["algorithm"], sender["publicKey"], parts["signature"], countersign), "not-authentic")
        fields, payload = decode_inner(plaintext)
        require(self.may_publish(parts["sender"], topic), "not-permitted")
        require(epoch["sealUntil"] is None or parts["sealedAt"] <= epoch["sealUntil"], "epoch-retired")
        require(epoch["kind"] != "command" or not (retained or shared), "stale")
        repeat = self.fresh(topic, parts, fields, epoch["kind"], now, retained or duplicate)
        steps = {"senderKey": key.sender_key, "material": key.material, "protectedHeader": parts["protected"],
                 "externalAad": external, "encStructure": enc, "toBeSigned": countersign}
        return {**parts, **fields, "kind": epoch["kind"], "verified": "sender" if signed else "channel", "payload": payload, "repeat": repeat}, steps

    def fresh(self, topic, parts, fields, kind, now, redelivery):
        sealed_at, sequence, maximum_age = parts["sealedAt"], parts["sequence"], self.manifest["maximumAge"] * 1000
        require(sealed_at <= now + 60_000, "stale")
        position = (sealed_at, parts["sender"], parts["session"], sequence)
        session = self.sessions.get((parts["sender"], parts["session"]))
        if kind == "state":
            last = self.states.get(topic)
            require(last is None or position >= last, "replayed")
            seen = position == last
        else:
            seen = session is not None and (sequence in session["seen"] or sequence <= session["highest"] - 1024)
        if seen:
            require(redelivery, "replayed")
            return True
        start = now - maximum_age
        if kind != "state":
            require(sealed_at > (session["floor"] if session else self.floors.get(parts["sender"], start)), "stale")
        age, live = now - sealed_at, fields["timeToLive"]
        if live is None and kind == "command":
            live = self.manifest["maximumAge"]
        require(live is None or age <= live * 1000, "stale")
        require(kind != "telemetry" or self.manifest["late"] == "mark" or age <= maximum_age, "stale")
        if kind == "state":
            self.states[topic] = position
            return False
        floor = self.floors.setdefault(parts["sender"], start)
        session = self.sessions.setdefault((parts["sender"], parts["session"]), {"seen": set(), "highest": -1, "floor": floor})
        session["seen"].add(sequence)
        session["highest"] = max(session["highest"], sequence)
        return False

    def check_sealing(self, sender, topic, now):
        require(self.holds(topic) and not topic.startswith("$") and self.may_publish(sender, topic), "not-permitted")
        require(now <= self.manifest["issuedAt"] + self.manifest["lease"] * 1000, "lease-expired")
