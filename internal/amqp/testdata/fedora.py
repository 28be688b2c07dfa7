"""Programs that use the library fedora-messaging, as far as the wire shows it: what it publishes, and what it holds of what it
receives.

    fedora.py publish HOST:PORT EXCHANGE    reads {"topic", "schema", "severity", "body", "headers"} a line, says "published ID"
    fedora.py consume HOST:PORT EXCHANGE PATTERN FILE    says "ready", then writes one line for each message with what is wrong
"""
import datetime
import json
import re
import sys
import uuid

import pika

mode, address, exchange = sys.argv[1:4]
host, port = address.rsplit(":", 1)
connection = pika.BlockingConnection(pika.ConnectionParameters(host, int(port), "/", pika.PlainCredentials("guest", "guest")))
channel = connection.channel()

SEVERITIES = (10, 20, 30, 40)
INDEX = re.compile(r"^fedora_messaging_(user|group|rpm|container|module|flatpak)_.+$")


def publish():
    channel.confirm_delivery()
    for line in sys.stdin:
        m = json.loads(line)
        headers = dict(m.get("headers") or {})
        headers["fedora_messaging_schema"] = m["schema"]
        now = datetime.datetime.utcnow().replace(microsecond=0, tzinfo=datetime.timezone.utc)
        headers["sent-at"] = now.isoformat()
        headers["fedora_messaging_severity"] = m.get("severity", 20)
        properties = pika.BasicProperties(
            content_type="application/json", content_encoding="utf-8", delivery_mode=2, headers=headers,
            message_id=str(uuid.uuid4()))
        if "priority" in m:
            properties.priority = headers["priority"] = m["priority"]
        channel.basic_publish(exchange, m["topic"].encode("utf-8"), json.dumps(m["body"]).encode("utf-8"), properties, mandatory=True)
        print("published", json.dumps({"id": properties.message_id, "headers": headers}), flush=True)


def faults(method, properties, body):
    """What the library would log as an error, or refuse."""
    if properties.content_type != "application/json":
        yield "content type %r" % properties.content_type
    if properties.content_encoding != "utf-8":
        yield "content encoding %r" % properties.content_encoding
    if properties.delivery_mode != 2:
        yield "delivery mode %r" % properties.delivery_mode
    try:
        if str(uuid.UUID(properties.message_id, version=4)) != properties.message_id:
            yield "message id %r is not a UUID of version 4" % properties.message_id
    except (ValueError, TypeError, AttributeError):
        yield "message id %r" % properties.message_id
    headers = properties.headers
    if headers is None:
        yield "no headers"
        headers = {}
    if not isinstance(headers.get("fedora_messaging_schema"), str):
        yield "schema %r" % headers.get("fedora_messaging_schema")
    severity = headers.get("fedora_messaging_severity")
    if type(severity) is not int or severity not in SEVERITIES:
        yield "severity %r" % severity
    sent = headers.get("sent-at")
    if not isinstance(sent, str) or not re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$", sent):
        yield "sent-at %r" % sent
    else:
        datetime.datetime.fromisoformat(sent)
    if "priority" in headers and (type(headers["priority"]) is not int or headers["priority"] != (properties.priority or 0)):
        yield "priority %r and %r" % (headers["priority"], properties.priority)
    for name, value in headers.items():
        if INDEX.match(name) and value is not True:
            yield "index %s is %r" % (name, value)
    if len(method.routing_key.encode()) > 255:
        yield "topic of %d bytes" % len(method.routing_key)
    if not isinstance(json.loads(body.decode(properties.content_encoding or "utf-8")), dict):
        yield "the body is no object"


def consume():
    pattern, file = sys.argv[4:6]
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, exchange, pattern)
    out = open(file, "a", encoding="ascii")

    def take(channel, method, properties, body):
        try:
            wrong = list(faults(method, properties, body))
        except ValueError as e:
            wrong = [str(e)]
        headers = {k: v for k, v in (properties.headers or {}).items() if not k.startswith("fedmsg-")}
        out.write(json.dumps({"faults": wrong, "id": properties.message_id, "topic": method.routing_key, "headers": headers,
                              "priority": properties.priority, "body": body.decode("utf-8", "replace")}) + "\n")
        out.flush()
        channel.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, take)
    print("ready", flush=True)
    channel.start_consuming()


{"publish": publish, "consume": consume}[mode]()
