"""Carries one envelope with Eclipse Paho: publishes what it is given and says what it receives, as JSON lines.

Standard input, one JSON object: host, port, version (4 or 5), username, password, clientId, subscribe (topics),
publish (list of [topic, hex], each at QoS 1), receive (how many messages to wait for), properties (MQTT 5, or null).
"""

import json
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def say(**line):
    print(json.dumps(line), flush=True)


def code(reason):
    """A return code of 3.1.1 or a reason code of 5, as a number."""
    return reason if isinstance(reason, int) else reason.value


def main():
    wish = json.load(sys.stdin)
    is_five = wish["version"] == 5
    client = mqtt.Client(client_id=wish["clientId"], protocol=mqtt.MQTTv5 if is_five else mqtt.MQTTv311)
    client.username_pw_set(wish["username"], wish["password"])
    received = []

    def properties():
        wanted = wish.get("properties")
        if not is_five or not wanted:
            return None
        made = Properties(PacketTypes.PUBLISH)
        made.UserProperty = [tuple(pair) for pair in wanted["user"]]
        made.ContentType = wanted["contentType"]
        made.ResponseTopic = wanted["responseTopic"]
        made.CorrelationData = bytes.fromhex(wanted["correlationData"])
        made.MessageExpiryInterval = wanted["expiry"]
        return made

    def publish():
        for topic, envelope in wish["publish"]:
            client.publish(topic, bytes.fromhex(envelope), qos=1, properties=properties())
        if not wish["publish"] and not wish["subscribe"]:
            client.disconnect()

    def on_connect(client, userdata, flags, reason, properties=None):
        say(event="connect", code=code(reason))
        if code(reason) != 0:
            client.disconnect()
        elif wish["subscribe"]:
            client.subscribe([(topic, 1) for topic in wish["subscribe"]])
        else:
            publish()

    def on_subscribe(client, userdata, mid, granted, properties=None):
        say(event="subscribe", codes=[code(each) for each in granted])
        publish()
        if wish["receive"] == 0 and not wish["publish"]:
            client.disconnect()

    def on_publish(client, userdata, mid):
        say(event="publish")
        if wish["receive"] == 0:
            client.disconnect()

    def on_message(client, userdata, message):
        line = {"topic": message.topic, "payload": message.payload.hex(), "retain": message.retain}
        if is_five:
            carried = message.properties
            line["user"] = getattr(carried, "UserProperty", [])
            line["contentType"] = getattr(carried, "ContentType", None)
        say(event="message", **line)
        received.append(line)
        if len(received) == wish["receive"]:
            client.disconnect()

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_publish = on_publish
    client.on_message = on_message
    client.connect(wish["host"], wish["port"])
    client.loop_forever(retry_first_connection=False)


if __name__ == "__main__":
    main()
