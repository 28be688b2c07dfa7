"""A libzmq peer for the tests of package zmtp: it does what the lines on its standard input say.

Each line is a JSON object with "op" and what that needs; the answer is one line, an object with "error" if it failed. Sockets
have numbers that the caller gives. Frames are base64. It ends with its standard input.
"""

import base64
import json
import sys
import threading

import zmq

PATIENCE = 20000  # milliseconds


def encode(frames):
    return [base64.b64encode(f).decode() for f in frames]


def decode(frames):
    return [base64.b64decode(f) for f in frames]


class Authenticator(threading.Thread):
    """Answers ZAP (RFC 27): who is allowed in is what op "allow" said."""

    def __init__(self, context):
        super().__init__(daemon=True)
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind("inproc://zeromq.zap.01")
        self.plain = set()
        self.keys = set()

    def allows(self, mechanism, credentials):
        if mechanism == b"PLAIN":
            return tuple(credentials) in self.plain
        if mechanism == b"CURVE":
            return credentials[0] in self.keys
        return True

    def run(self):
        while True:
            try:
                version, request, _, _, _, mechanism, *credentials = self.socket.recv_multipart()
            except zmq.ZMQError:
                return
            status = b"200" if self.allows(mechanism, credentials) else b"400"
            # No user id: libzmq 4.3.4 puts one in front of the first reply that a REQ gets, which REQ then refuses.
            self.socket.send_multipart([version, request, status, b"", b"", b""])


class Peer:
    def __init__(self):
        self.context = zmq.Context()
        self.context.setsockopt(zmq.MAX_SOCKETS, 4096)
        self.sockets = {}
        self.authenticator = Authenticator(self.context)
        self.authenticator.start()

    def allow(self, plain=(), keys=()):
        self.authenticator.plain.update((u.encode(), p.encode()) for u, p in plain)
        self.authenticator.keys.update(zmq.utils.z85.decode(k) for k in keys)

    def open(self, id, type, options=None):
        socket = self.context.socket(getattr(zmq, type))
        socket.linger = 0
        socket.reconnect_ivl = 5
        socket.reconnect_ivl_max = 50
        socket.sndtimeo = PATIENCE
        for name, value in (options or {}).items():
            if isinstance(value, str):
                value = value.encode()
            socket.setsockopt(getattr(zmq, name), value)
        self.sockets[id] = socket

    def bind(self, id, uri):
        self.sockets[id].bind(uri)
        return {"uri": self.sockets[id].last_endpoint.decode()}

    def connect(self, id, uri):
        self.sockets[id].connect(uri)

    def subscribe(self, id, prefixes, cancel=False):
        option = zmq.UNSUBSCRIBE if cancel else zmq.SUBSCRIBE
        for prefix in decode(prefixes):
            if self.sockets[id].type == zmq.XSUB:
                self.sockets[id].send((b"\0" if cancel else b"\1") + prefix)
            else:
                self.sockets[id].setsockopt(option, prefix)

    def send(self, id, frames, wait=0):
        """Sends; a ROUTER that is to tell whether the peer is there is asked again for wait milliseconds."""
        while True:
            try:
                return self.sockets[id].send_multipart(decode(frames))
            except zmq.ZMQError as e:
                if e.errno != zmq.EHOSTUNREACH or wait <= 0:
                    raise
            threading.Event().wait(0.005)
            wait -= 5

    def receive(self, id, wait=PATIENCE, count=1):
        """Gives up to count messages, and less if none comes for wait milliseconds."""
        got = []
        while len(got) < count and self.sockets[id].poll(wait):
            got.append(encode(self.sockets[id].recv_multipart()))
        return {"messages": got}

    def stream(self, id, life):
        """Sends numbered messages until it is killed, a hundred and then a pause."""
        n = 0
        while True:
            n += 1
            self.sockets[id].send_multipart([b"topic", b"%d" % life, b"%d" % n, b"%d" % n * (n % 200)])
            if n % 100 == 0:
                threading.Event().wait(0.005)

    def close(self, id):
        self.sockets.pop(id).close()

    def serve(self):
        for line in sys.stdin:
            request = json.loads(line)
            op = request.pop("op")
            try:
                answer = getattr(self, op)(**request) or {}
            except Exception as e:  # whatever it is, the test tells it
                answer = {"error": "%s: %s" % (op, e)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    import zmq.utils.z85

    Peer().serve()
