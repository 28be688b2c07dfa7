"""A publisher of another make, on stomp.py. Each line of its input is a message, as {"destination", "headers", "body"} with the body in
base64; when the server has sent the receipt it says "sent" and the number of the line. Without one it connects and sends again.

    publisher.py HOST:PORT
"""
import base64
import json
import os
import sys
import threading
import time

import stomp

host, port = sys.argv[1].rsplit(":", 1)
login = os.environ.get("PUBLISHER_LOGIN", "guest:guest").split(":")


class Receipts(stomp.ConnectionListener):
    def __init__(self):
        self.come = threading.Event()
        self.last = None
        self.over = False

    def on_receipt(self, frame):
        self.last = frame.headers["receipt-id"]
        self.come.set()

    def on_error(self, frame):
        print("error", json.dumps(frame.headers), flush=True)

    def on_disconnected(self):
        self.over = True
        self.come.set()


connection, receipts = None, None
for number, text in enumerate(sys.stdin):
    message = json.loads(text)
    while True:
        try:
            if connection is None:
                connection, receipts = stomp.Connection12([(host, int(port))], vhost="/", reconnect_attempts_max=1), Receipts()
                connection.set_listener("", receipts)
                connection.connect(*login, wait=True)
            receipts.come.clear()
            connection.send(message["destination"], base64.b64decode(message["body"] or ""),
                            headers={"receipt": str(number), **(message.get("headers") or {})})
            while receipts.last != str(number) and not receipts.over:
                receipts.come.wait(10)
                receipts.come.clear()
            if receipts.last == str(number):
                break
        except (stomp.exception.StompException, OSError):
            pass
        connection = None
        time.sleep(0.1)
    print("sent", number, flush=True)
