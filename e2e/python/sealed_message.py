"""Reads SealMQ messages, written from docs/protocol.md alone (numbers in comments are its sections)."""

import hashlib
import hmac
import struct

import cbor2
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.padding import PKCS7

SUITES = {"A256GCM": (3, "a30103", 44), "ChaCha20/Poly1305": (24, "a3011818", 44), "A256CBC-HS512": (-65537, "a3013a00010000", 96)}


class Refused(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


def require(condition, code="malformed"):
    if not condition:
        raise Refused(code)


def item_end(data, at, depth=0):
    """1: where one deterministic item ends; cbor2 itself is lenient."""
    require(at < len(data) and depth <= 16)
    first, at = data[at], at + 1
    major, info = first >> 5, first & 31
    if first in (0xF4, 0xF5, 0xF6):
        return at
    require(major < 6 and info < 28)
    value = info
    if info >= 24:
        size = 1 << (info - 24)
        require(at + size <= len(data))
        value, at = int.from_bytes(data[at : at + size], "big"), at + size
        require(value >= (24 if size == 1 else 1 << (size * 4)))
    require(value <= 2**53 - 1 - (major == 1))
    if major in (2, 3):
        require(at + value <= len(data))
        if major == 3:
            try:
                data[at : at + value].decode("utf-8")
            except UnicodeDecodeError:
                raise Refused("malformed") from None
        return at + value
    previous = None
    for _ in range(value if major in (4, 5) else 0):
        start, at = at, item_end(data, at, depth + 1)
        if major == 5:
            key = data[start:at]
            require(previous is None or previous < key)
            previous, at = key, item_end(data, at, depth + 1)
    return at


def strict_loads(data):
    require(item_end(data, 0) == len(data))
    return cbor2.loads(data)


def decode_envelope(data):
    """2: the one layout."""
    require(len(data) <= 16_777_216 and data[:3] == bytes.fromhex("d08358"))
    for suite, (_, start, _) in SUITES.items():
        start = bytes.fromhex(start)
        p = len(start) + 31
        if data[3:4] == bytes([p]) and data[4 : 4 + len(start)] == start:
            break
    else:
        raise Refused("malformed")
    require(len(data) > p + 4 and data[p - 27 : p - 24] == b"\x04\x51\x01" and data[p - 8 : p - 6] == b"\x06\x4a")
    epoch, sender = struct.unpack(">II", data[p - 24 : p - 16])
    at, signature = p + 5, None
    if data[p + 4] == 0xA1:
        require(data[p + 4 : p + 8] == b"\xa1\x0c\x58\x40" and len(data) > p + 72)
        signature, at = data[p + 8 : p + 72], p + 72
    else:
        require(data[p + 4] == 0xA0)
    require(at < len(data) and data[at] >> 5 == 2 and item_end(data, at) == len(data))
    return {
        "suite": suite, "epoch": epoch, "sender": sender, "session": data[p - 16 : p - 8],
        "sealedAt": int.from_bytes(data[p - 6 : p], "big"), "sequence": int.from_bytes(data[p : p + 4], "big"),
        "protected": data[4 : p + 4], "partialIv": data[p - 6 : p + 4], "signature": signature,
        "ciphertext": cbor2.loads(data[at:]),
    }


def encode_header(suite, header):
    return (bytes.fromhex(SUITES[suite][1]) + b"\x04\x51\x01" + struct.pack(">II", header["epoch"], header["sender"])
            + header["session"] + b"\x06\x4a" + header["sealedAt"].to_bytes(6, "big") + struct.pack(">I", header["sequence"]))


def hkdf(key, salt, info, length):
    return HKDF(hashes.SHA256(), length, salt, cbor2.dumps(info)).derive(key)


class MessageKey:
    """3 and 4."""

    def __init__(self, suite, epoch_key, deployment, channel, epoch, sender, session):
        self.suite = suite
        alg, _, length = SUITES[suite]
        self.sender_key = hkdf(epoch_key, b"", ["sealmq/1 sender", deployment, channel, epoch, alg, sender], 32)
        self.material = hkdf(self.sender_key, session, ["sealmq/1 message", alg], length)

    def aead(self, partial_iv):
        nonce = bytes(a ^ b for a, b in zip(self.material[32:], b"\0\0" + partial_iv))
        return (AESGCM if self.suite == "A256GCM" else ChaCha20Poly1305)(self.material[:32]), nonce

    def cbc(self, partial_iv, aad):
        mac_key, key, iv_key = self.material[:32], self.material[32:64], self.material[64:]
        iv = hmac.digest(iv_key, partial_iv, "sha256")[:16]
        tag = lambda e: hmac.digest(mac_key, aad + iv + e + struct.pack(">Q", 8 * len(aad)), "sha512")[:32]
        return Cipher(algorithms.AES(key), modes.CBC(iv)), tag

    def seal(self, partial_iv, aad, plaintext):
        if self.suite != "A256CBC-HS512":
            cipher, nonce = self.aead(partial_iv)
            return cipher.encrypt(nonce, plaintext, aad)
        cipher, tag = self.cbc(partial_iv, aad)
        pad, encryptor = PKCS7(128).padder(), cipher.encryptor()
        encrypted = encryptor.update(pad.update(plaintext) + pad.finalize()) + encryptor.finalize()
        return encrypted + tag(encrypted)

    def open(self, partial_iv, aad, sealed):
        if self.suite != "A256CBC-HS512":
            cipher, nonce = self.aead(partial_iv)
            require(len(sealed) >= 16, "not-authentic")
            try:
                return cipher.decrypt(nonce, sealed, aad)
            except InvalidTag:
                raise Refused("not-authentic") from None
        require(len(sealed) >= 48 and len(sealed) % 16 == 0, "not-authentic")
        cipher, tag = self.cbc(partial_iv, aad)
        require(hmac.compare_digest(tag(sealed[:-32]), sealed[-32:]), "not-authentic")
        decryptor, pad = cipher.decryptor(), PKCS7(128).unpadder()
        return pad.update(decryptor.update(sealed[:-32]) + decryptor.finalize()) + pad.finalize()


def verify(algorithm, public_key, signature, data):
    """5."""
    try:
        if algorithm == "EdDSA":
            ed25519.Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
        else:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def is_uint(value, limit=2**53 - 1):
    return type(value) is int and 0 <= value <= limit


def decode_inner(plaintext):
    """6."""
    end = item_end(plaintext, 0)
    require(plaintext[0] >> 5 == 5)
    fields = {"contentType": None, "distance": 1, "timeToLive": None, "intent": None}
    for key, value in cbor2.loads(plaintext[:end]).items():
        require(type(key) is int)
        if key < 0:
            continue
        if key == 1 and type(value) is str and len(value.encode()) <= 255:
            fields["contentType"] = value
        elif key in (2, 3) and is_uint(value, 2**32 - 1):
            fields["distance" if key == 2 else "timeToLive"] = value
        elif key == 4 and type(value) is int and 1 <= value <= 3:
            fields["intent"] = ("retained", "command", "will")[value - 1]
        else:
            require(key == 5 and type(value) is bytes and not any(value))
    return fields, plaintext[end:]


TEXTS = lambda value: type(value) is list and all(type(text) is str for text in value)
BYTES = lambda length: lambda value: type(value) is bytes and len(value) == length
UINT_OR_NULL = lambda value: value is None or is_uint(value)
UINT32 = lambda value: is_uint(value, 2**32 - 1)
ONE_OF = lambda *values: lambda value: value in values
TEXT = lambda value: type(value) is str
EPOCH = {"epoch": UINT32, "suite": ONE_OF(*SUITES), "kind": ONE_OF("telemetry", "state", "command"), "signing": ONE_OF("each", "off", "batch"),
         "keyCheck": BYTES(32), "sealUntil": UINT_OR_NULL, "openUntil": UINT_OR_NULL}
SENDER = {"sender": UINT32, "member": TEXT, "memberName": TEXT, "senderName": TEXT, "kind": TEXT, "roles": TEXTS, "algorithm": ONE_OF("ES256", "EdDSA"),
          "publicKey": lambda value: type(value) is bytes and len(value) in (32, 65), "revokedAt": UINT_OR_NULL, "endedAt": is_uint}
MANIFEST = {"number": is_uint, "deployment": BYTES(16), "channel": BYTES(16), "name": TEXT, "filters": TEXTS, "maximumAge": is_uint,
            "late": ONE_OF("mark", "refuse"), "lease": is_uint, "issuedAt": is_uint, "publishRoles": TEXTS, "subscribeRoles": TEXTS,
            "publishWithin": lambda value: type(value) is list and all(fits(grant, {"role": TEXT, "filters": TEXTS}) for grant in value),
            "epochs": lambda value: type(value) is list and value and all(fits(epoch, EPOCH) for epoch in value)}
DIRECTORY = {"number": is_uint, "deployment": BYTES(16), "issuedAt": is_uint,
             "senders": lambda value: type(value) is list and all(fits(sender, SENDER) for sender in value)}


MAY_BE_ABSENT = {"kind", "endedAt", "publishWithin"}


def fits(value, fields):
    return type(value) is dict and all(test(value[name]) if name in value else name in MAY_BE_ABSENT for name, test in fields.items())


def read_signed_object(kind, data, authority_key, deployment, remembered=0):
    """7."""
    require(data[:1] == b"\xd2")
    parts = strict_loads(data[1:])
    require(type(parts) is list and len(parts) == 4)
    protected, unprotected, payload, signature = parts
    require(protected == b"\xa1\x01\x26" and unprotected == {} and type(payload) is bytes and BYTES(64)(signature))
    signed = cbor2.dumps(["Signature1", protected, cbor2.dumps("sealmq/1 " + kind), payload])
    require(verify("ES256", authority_key, signature, signed), "authority-signature")
    content = strict_loads(payload)
    require(fits(content, MANIFEST if kind == "manifest" else DIRECTORY))
    require(content["deployment"] == deployment, "wrong-deployment")
    require(content["number"] >= remembered, "rollback")
    return content


def matches(topic_filter, topic):
    """10."""
    levels, parts = topic_filter.split("/"), topic.split("/")
    if levels[0] in "+#" and levels[0] and topic.startswith("$"):
        return False
    for index, level in enumerate(levels):
        if level == "#":
            return len(parts) >= index
        if index >= len(parts) or level not in ("+", parts[index]):
            return False
    return len(levels) == len(parts)


def is_filter(text):
    levels = text.split("/")
    return (is_topic_name(text.replace("+", "x").replace("#", "x"))
            and all(level in ("+", "#") or not set(level) & set("+#") for level in levels) and "#" not in levels[:-1])


def expand(topic_filter, device):
    """10: the filter of a narrowed grant for one sender, or None."""
    levels = topic_filter.split("/")
    if "{member}" in levels:
        if not device or set(device) & set("/+#\0") or device.startswith("$"):
            return None
        topic_filter = "/".join(device if level == "{member}" else level for level in levels)
    return topic_filter if is_filter(topic_filter) else None


def is_topic_name(topic):
    return 0 < len(topic.encode()) <= 65_535 and not set(topic) & set("+#\0")
