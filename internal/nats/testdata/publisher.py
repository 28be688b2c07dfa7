"""A publisher of another make. It reads lines {"subject", "headers": [[name, value], …], "body": in base64} and answers each with
"ok" when the server has the message; until then it tries again.

    publisher.py HOST:PORT core|stream
"""
import base64
import json
import sys
import time

sys.dont_write_bytecode = True  # the directory is one of the sources
from natsconn import Connection

address, kind = sys.argv[1:3]
connection = None


def publish(m):
    global connection
    if connection is None:
        connection = Connection(address, timeout=60)  # what is not answered may have happened, and would come twice
    body = base64.b64decode(m["body"])
    if kind == "core":
        connection.publish(m["subject"], body, m["headers"])
        connection.flush()
        return
    answer = connection.request(m["subject"], body, m["headers"])
    if answer is None or "error" in json.loads(answer):
        raise ConnectionError(str(answer))


for line in sys.stdin:
    while True:
        try:
            publish(json.loads(line))
            break
        except (OSError, ConnectionError) as e:
            print("again", e, file=sys.stderr, flush=True)
            connection = None
            time.sleep(0.05)
    print("ok", flush=True)
