"""A consumer of another make: it writes each message that comes as a line of its own file, and then acknowledges it. It connects
again for as long as it lives.

    consumer.py HOST:PORT core SUBJECT FILE
    consumer.py HOST:PORT stream STREAM FILE

It says "ready" when it receives, the first time.
"""
import base64
import json
import sys
import time

sys.dont_write_bytecode = True  # the directory is one of the sources
from natsconn import Connection

address, kind, name, file = sys.argv[1:5]
out = open(file, "a", encoding="ascii")
said = False
batch = 256


def ready():
    global said
    if not said:
        print("ready", flush=True)
        said = True


def write(message):
    subject, reply, lines, body = message
    headers = [line.split(": ", 1) for line in lines[1:]]
    line = {"subject": subject, "headers": headers, "body": base64.b64encode(body).decode()}
    if reply.startswith("$JS.ACK."):
        line["seq"] = int(reply.split(".")[5])  # the number of the message in the stream
    out.write(json.dumps(line) + "\n")
    out.flush()


def core(connection):
    connection.subscribe(name)
    connection.flush()
    connection.sock.settimeout(None)
    ready()
    while True:
        write(connection.next())


def stream(connection):
    config = {"durable_name": "reader", "ack_policy": "explicit", "ack_wait": 1_000_000_000, "max_deliver": -1}
    answer = connection.request("$JS.API.CONSUMER.DURABLE.CREATE.%s.reader" % name,
                                json.dumps({"stream_name": name, "config": config}).encode())
    if answer is None or "error" in json.loads(answer):
        raise ConnectionError(str(answer))
    ready()
    inbox = connection.inbox + ".pull"
    connection.subscribe(inbox)
    left = 0
    while True:
        if left == 0:
            connection.publish("$JS.API.CONSUMER.MSG.NEXT.%s.reader" % name,
                               json.dumps({"batch": batch, "expires": 500_000_000}).encode(), reply=inbox)
            left = batch
        message = connection.next()
        if not message[1]:
            left = 0  # a status: the request is over
            continue
        left -= 1
        write(message)
        connection.publish(message[1], b"+ACK")


while True:
    try:
        connection = Connection(address, timeout=2)
        core(connection) if kind == "core" else stream(connection)
    except (OSError, ConnectionError, ValueError) as e:
        print("lost", e, file=sys.stderr, flush=True)
        time.sleep(0.05)
