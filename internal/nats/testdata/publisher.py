"""A publisher of another make. It reads lines {"subject", "headers": [[name, value], …], "body": in base64} and answers each with
"ok" when the server has the message.

    publisher.py HOST:PORT core|stream
"""
import base64
import json
import sys

sys.dont_write_bytecode = True  # the directory is one of the sources
from natsconn import Connection

connection = Connection(sys.argv[1])
for line in sys.stdin:
    m = json.loads(line)
    body = base64.b64decode(m["body"])
    if sys.argv[2] == "core":
        connection.publish(m["subject"], body, m["headers"])
        connection.flush()
    else:
        answer = connection.request(m["subject"], body, m["headers"])
        if answer is None or "error" in json.loads(answer):
            sys.exit("refused: %s" % answer)
    print("ok", flush=True)
