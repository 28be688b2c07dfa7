"""An old publisher of the mesh with its replay server, on libzmq: it has numbers (seq_id), and answers as fedmsg 1.1.7 did.

usage: publisher.py [PUB_URI REP_URI]

It says "bound PUB_URI REP_URI". Lines in, each of numbers FIRST LAST: "send" publishes them, "lose" keeps them and does not publish
them, "forget" neither. "stop" ends the replay server, "start" begins it again where it was. Each line is answered by "done".
"""
import json
import sys
import threading
import time

import zmq

TOPIC = "org.example.dev.mesh.thing.made"


def envelope(n):
    return json.dumps({
        "i": n, "msg": {"n": n}, "msg_id": "2023-%036d" % n, "seq_id": n, "timestamp": 1700000000 + n, "topic": TOPIC, "username": "old",
    }, sort_keys=True, separators=(",", ":")).encode()


def answer(store, query):
    found = set()
    for key, value in query.items():
        if key == "seq_ids":
            found.update(value)
        elif key == "seq_id":
            found.add(int(value))
        elif key == "time":
            found.update(n for n in store if value[0] <= 1700000000 + n <= value[1])
        elif key == "seq_id_range":  # never worked
            return [b"error: 'Something went wrong when processing the field \"seq_id_range\"'"]
        else:
            return [b"error: 'Unsupported field: \"key\"'"]
    frames = [store[n] for n in sorted(found) if n in store]
    return frames or [b"error: 'There was no match for the given query'"]


def bind(socket, uri):
    for _ in range(1000):  # libzmq gives an address up some time after the socket was closed
        try:
            socket.bind(uri)
            return
        except zmq.ZMQError as error:
            if error.errno != zmq.EADDRINUSE:
                raise
            time.sleep(0.01)
    raise SystemExit("the address stays in use: " + uri)


class Replay(threading.Thread):
    def __init__(self, context, store, uri):
        super().__init__(daemon=True)
        self.store = store
        self.over = False
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        bind(self.socket, uri)
        self.uri = self.socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        self.start()

    def run(self):
        while not self.over:
            if self.socket.poll(10):
                self.socket.send_multipart(answer(self.store, json.loads(self.socket.recv())))
        self.socket.close()


def main():
    pub_uri, rep_uri = sys.argv[1:3] if len(sys.argv) > 2 else ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
    context = zmq.Context()
    pub = context.socket(zmq.PUB)
    pub.linger = 1000
    pub.set_hwm(0)
    pub.bind(pub_uri)
    store = {}
    replay = Replay(context, store, rep_uri)
    print("bound", pub.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode(), replay.uri, flush=True)
    for line in sys.stdin:
        verb, *numbers = line.split()
        first, last = map(int, numbers or (1, 0))
        for n in range(first, last + 1):
            if verb != "forget":
                store[n] = envelope(n)
            if verb == "send":
                pub.send_multipart([TOPIC.encode(), store[n]])
        if verb == "stop":
            replay.over = True
            replay.join()
        elif verb == "start":
            replay = Replay(context, store, replay.uri)
        print("done", flush=True)


main()
