"""A consumer of another make, on stomp.py: it takes the messages of a destination, writes each as a line of its own file, and then
acknowledges it. It connects again for as long as it lives.

    consumer.py HOST:PORT DESTINATION FILE [NAME=VALUE…]

NAME=VALUE are further headers of its subscription. It says "ready" when it has subscribed, the first time. CONSUMER_PAUSE is how many
seconds each message takes it.
"""
import base64
import json
import os
import sys
import threading
import time

import stomp

host, port = sys.argv[1].rsplit(":", 1)
destination, file = sys.argv[2:4]
headers = dict(option.split("=", 1) for option in sys.argv[4:])
login = os.environ.get("CONSUMER_LOGIN", "guest:guest").split(":")
pause = float(os.environ.get("CONSUMER_PAUSE", "0"))
out = open(file, "a", encoding="ascii")


class Taker(stomp.ConnectionListener):
    def __init__(self, connection):
        self.connection = connection
        self.over = threading.Event()
        self.subscribed = threading.Event()

    def on_receipt(self, frame):
        self.subscribed.set()

    def on_message(self, frame):
        time.sleep(pause)
        line = {"headers": frame.headers, "body": base64.b64encode(frame.body).decode()}
        out.write(json.dumps(line) + "\n")
        out.flush()
        self.connection.ack(frame.headers["ack"])

    def on_error(self, frame):
        print("error", json.dumps(frame.headers), flush=True)

    def on_disconnected(self):
        self.over.set()


said = False
while True:
    connection = stomp.Connection12([(host, int(port))], vhost="/", auto_decode=False, reconnect_attempts_max=1)
    taker = Taker(connection)
    connection.set_listener("", taker)
    try:
        connection.connect(*login, wait=True)
        connection.subscribe(destination, id="1", ack="client-individual", headers={"receipt": "subscribed", **headers})
        while not taker.subscribed.wait(0.1):
            if taker.over.is_set():
                raise stomp.exception.NotConnectedException()
        if not said:
            print("ready", flush=True)
            said = True
        taker.over.wait()
    except (stomp.exception.StompException, OSError):
        time.sleep(0.1)
