"""A subscriber by libzmq: sub.py ENDPOINT COUNT [HWM|-] PREFIX...

It says "ready" when it has subscribed, and then each message as a line of its frames in hex. A line on its standard input, if
COUNT ends with w, has to come before it begins to read. It ends behind COUNT messages (0: never) or with its standard input.
"""
import os
import sys
import threading

import zmq

endpoint, count, hwm, prefixes = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
wait = count.endswith("w")
count = int(count.rstrip("w"))
context = zmq.Context()
sub = context.socket(zmq.SUB)
if hwm != "-":
    sub.setsockopt(zmq.RCVHWM, int(hwm))
    sub.setsockopt(zmq.RCVBUF, 4096)
monitor = sub.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
sub.connect(endpoint)
monitor.recv_multipart()
for prefix in prefixes or [""]:
    sub.setsockopt(zmq.SUBSCRIBE, prefix.encode())
print("ready", flush=True)
if wait:
    sys.stdin.readline()


def watch():
    while sys.stdin.readline():
        pass
    os._exit(0)


threading.Thread(target=watch, daemon=True).start()
n = 0
out = sys.stdout
while count == 0 or n < count:
    out.write(" ".join(f.hex() for f in sub.recv_multipart()) + "\n")
    n += 1
    if n % 100 == 0 or not sub.getsockopt(zmq.EVENTS) & zmq.POLLIN:
        out.flush()
out.flush()
