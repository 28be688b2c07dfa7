"""A publisher of another make, on pika: it publishes what it is told on standard input, each with a confirm, and connects again
when it must.

    publisher.py HOST:PORT EXCHANGE    reads {"topic", "id", "headers", "body" in base64} a line, says "published" for each
"""
import base64
import json
import sys
import time

import pika

host, port = sys.argv[1].rsplit(":", 1)
channel = None


def connect():
    connection = pika.BlockingConnection(pika.ConnectionParameters(
        host, int(port), "/", pika.PlainCredentials("guest", "guest"), heartbeat=0, socket_timeout=5, stack_timeout=10))
    made = connection.channel()
    made.confirm_delivery()
    return made


for line in sys.stdin:
    m = json.loads(line)
    while True:
        try:
            channel = channel or connect()
            channel.basic_publish(sys.argv[2], m["topic"], base64.b64decode(m["body"]), pika.BasicProperties(
                headers=m["headers"], message_id=m["id"], delivery_mode=2), mandatory=True)
            break
        except pika.exceptions.UnroutableError:
            raise
        except (pika.exceptions.AMQPError, OSError):
            channel = None
            time.sleep(0.1)
    print("published", flush=True)
