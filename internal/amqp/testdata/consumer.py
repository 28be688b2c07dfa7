"""A consumer of another make, on pika: it takes messages from a durable queue, writes each as a line of its own file, and then
acknowledges it. It connects again for as long as it lives.

    consumer.py HOST:PORT VHOST QUEUE FILE [EXCHANGE PATTERN…]

It says "ready" when it has made the queue and bound it, the first time.
"""
import base64
import json
import os
import sys
import time

import pika

host, port = sys.argv[1].rsplit(":", 1)
vhost, queue, file = sys.argv[2:5]
exchange, patterns = (sys.argv[5], sys.argv[6:]) if len(sys.argv) > 5 else ("", [])
# How long each message takes, for a consumer that is slow.
pause = float(os.environ.get("CONSUMER_PAUSE", "0"))
out = open(file, "a", encoding="ascii")
said = False


def plain(value):
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return {"other": repr(value)}


def carried(headers, name):
    """What a header has that may be spread over several and be in base64."""
    text, n = headers.get(name), 2
    while text is not None and "%s-%d" % (name, n) in headers:
        text += headers["%s-%d" % (name, n)]
        n += 1
    if text is None:
        return b""
    return base64.b64decode(text[7:]) if text.startswith("base64:") else text.encode("utf-8")


def take(channel, method, properties, body):
    if pause:
        time.sleep(pause)
    line = {name: getattr(properties, name) for name in (
        "content_type", "content_encoding", "delivery_mode", "priority", "message_id", "app_id", "type", "user_id")}
    line["headers"] = {k: plain(v) for k, v in (properties.headers or {}).items()}
    whole = carried(properties.headers or {}, "fedmsg-head") + body + carried(properties.headers or {}, "fedmsg-tail")
    line["envelope"] = base64.b64encode(whole).decode()
    line["signatures"] = base64.b64encode(carried(properties.headers or {}, "fedmsg-signatures")).decode()
    line["key"] = method.routing_key
    line["exchange"] = method.exchange
    line["body"] = base64.b64encode(body).decode()
    out.write(json.dumps(line) + "\n")
    out.flush()
    channel.basic_ack(method.delivery_tag)


while True:
    try:
        connection = pika.BlockingConnection(pika.ConnectionParameters(
            host, int(port), vhost, pika.PlainCredentials("guest", "guest"), socket_timeout=5, stack_timeout=10,
            blocked_connection_timeout=None, heartbeat=10))
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
        for pattern in patterns:
            channel.queue_bind(queue, exchange, pattern)
        channel.basic_qos(prefetch_count=500)
        channel.basic_consume(queue, take)
        if not said:
            print("ready", flush=True)
            said = True
        channel.start_consuming()
    except (pika.exceptions.AMQPError, OSError):
        time.sleep(0.1)
