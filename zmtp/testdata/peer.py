"""A libzmq peer for the tests: one socket, driven by lines on standard input, telling what it sees on standard output.

usage: peer.py TYPE bind|connect URI [OPTION=VALUE ...]

Lines in: "send HEX HEX ..." (one message; - is an empty frame), "burst N HEX HEX ..." (the message N times),
"recv N" (N messages, each told as "got HEX HEX ..."), "count N" (N messages, told as "counted N"),
"subscribe HEX", "unsubscribe HEX", "quit".
It says "ready URI" when it is bound or connecting.
"""
import binascii
import sys

import zmq


def frames(words):
    return [b"" if w == "-" else binascii.unhexlify(w) for w in words]


def say(*words):
    print(*words, flush=True)


def main():
    kind, how, uri = sys.argv[1:4]
    context = zmq.Context()
    socket = context.socket(getattr(zmq, kind))
    socket.linger = 1000
    for option in sys.argv[4:]:
        name, _, value = option.partition("=")
        value = int(value) if value.lstrip("-").isdigit() else value.encode()
        socket.setsockopt(getattr(zmq, name), value)
    if how == "bind":
        socket.bind(uri)
        uri = socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
    else:
        socket.connect(uri)
    say("ready", uri)
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == "send":
            socket.send_multipart(frames(words))
        elif verb == "burst":
            message = frames(words[1:])
            for _ in range(int(words[0])):
                socket.send_multipart(message)
        elif verb == "recv":
            for _ in range(int(words[0])):
                say("got", *[f.hex() or "-" for f in socket.recv_multipart()])
        elif verb == "count":
            for _ in range(int(words[0])):
                socket.recv_multipart(copy=False)
            say("counted", words[0])
        elif verb == "subscribe":
            socket.setsockopt(zmq.SUBSCRIBE, frames(words)[0])
            say("done")
        elif verb == "unsubscribe":
            socket.setsockopt(zmq.UNSUBSCRIBE, frames(words)[0])
            say("done")
        elif verb == "quit":
            break
    socket.close()
    context.term()
    say("over")


main()
