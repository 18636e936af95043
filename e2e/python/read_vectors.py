"""Reads the vectors in a folder: read_vectors.py FOLDER. Prints counts as JSON; exit 1 when any vector fails."""

import hashlib
import json
import pathlib
import sys

import cbor2
from receiver import Receiver
from sealed_message import Refused, encode_header, read_signed_object

INTENTS = {"retained": 1, "command": 2, "will": 3}


def code_of(action):
    try:
        action()
    except Refused as refused:
        return refused.code
    return "accepted"


def payload_of(expected):
    repeat = expected.get("payloadRepeat")
    return bytes([repeat["byte"]]) * repeat["count"] if repeat else bytes.fromhex(expected["payload"])


def sealed_again(receiver, vector):
    expected = {**vector["expected"], "session": bytes.fromhex(vector["expected"]["session"])}
    epoch = receiver.epochs[expected["epoch"]]
    protected = encode_header(epoch["suite"], expected)
    _, enc, _ = receiver.structures(epoch, vector["topic"], protected, b"")
    inner = {1: expected["contentType"], 2: None if expected["distance"] == 1 else expected["distance"], 3: expected["timeToLive"], 4: INTENTS.get(expected["intent"])}
    plaintext = cbor2.dumps({key: value for key, value in inner.items() if value is not None}) + payload_of(expected)
    ciphertext = receiver.message_key(epoch, expected["sender"], expected["session"]).seal(protected[-10:], enc, plaintext)
    envelope = bytes.fromhex("d083") + cbor2.dumps(protected) + b"\xa0" + cbor2.dumps(ciphertext)
    assert envelope.hex().startswith(vector["envelopeHead"]) and hashlib.sha256(envelope).hexdigest() == vector["envelopeSha256"]
    return envelope


def check_message(setup, vector):
    receiver = Receiver(setup)
    envelope = bytes.fromhex(vector["envelope"]) if "envelope" in vector else sealed_again(receiver, vector)
    opened, steps = receiver.open(vector["topic"], envelope, vector["now"], vector["retained"])
    assert opened["payload"] == payload_of(vector["expected"]) and not opened["repeat"], "payload"
    for name, value in vector["expected"].items():
        if not name.startswith("payload"):
            got = opened[name].hex() if name == "session" else opened[name]
            assert got == value, f"{name}: {got}"
    for name, value in vector.get("steps", {}).items():
        assert steps[name].hex() == value, name


def check_refusal(setup, vector):
    receiver = Receiver(setup)
    if vector["envelope"] is None:
        code = code_of(lambda: receiver.check_sealing(vector["sender"], vector["topic"], vector["now"]))
    else:
        for earlier in vector["before"]:
            receiver.open(vector["topic"], bytes.fromhex(earlier), vector["now"])
        code = code_of(lambda: receiver.open(vector["topic"], bytes.fromhex(vector["envelope"]), vector["now"], vector["retained"], vector["shared"]))
    assert code == vector["code"], f"{code}, not {vector['code']}"


def check_object(objects, vector):
    content = read_signed_object(vector["kind"], bytes.fromhex(vector["bytes"]), bytes.fromhex(objects["authorityKey"]), bytes.fromhex(objects["deployment"]))
    readable = json.loads(json.dumps(content, default=lambda value: value.hex()))
    assert readable == vector["content"], "content"


def check_object_refusal(objects, vector):
    key, deployment = bytes.fromhex(objects["authorityKey"]), bytes.fromhex(objects["deployment"])
    code = code_of(lambda: read_signed_object(vector["kind"], bytes.fromhex(vector["bytes"]), key, deployment, vector["remembered"]))
    assert code == vector["code"], f"{code}, not {vector['code']}"


def check_publishing(setup, vector):
    permitted = code_of(lambda: Receiver(setup).check_sealing(vector["sender"], vector["topic"], 0)) == "accepted"
    assert permitted == vector["permitted"], f"permitted: {permitted}"


def main(folder):
    messages, objects = (json.loads((folder / name).read_text()) for name in ("messages.json", "signed-objects.json"))
    setup = messages["setup"]
    work = [("messages", messages["messages"], check_message, setup), ("refusals", messages["refusals"], check_refusal, setup),
            ("objects", objects["objects"], check_object, objects), ("objectRefusals", objects["refusals"], check_object_refusal, objects),
            ("publishing", objects["publishing"]["cases"], check_publishing, {**setup, **{kind: objects["publishing"][kind] for kind in ("manifest", "directory")}})]
    passed, failed = {}, []
    for part, vectors, check, context in work:
        passed[part] = 0
        for vector in vectors:
            try:
                check(context, vector)
                passed[part] += 1
            except Exception as error:  # every vector is reported, whatever went wrong with it
                failed.append({"part": part, "name": vector["name"], "reason": f"{type(error).__name__} {error}"})
    print(json.dumps({"passed": passed, "failed": failed}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
