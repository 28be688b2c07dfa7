import socket
hostname = socket.gethostname().split('.', 1)[0]

config = dict(
    # For each service the addresses that its processes may bind, one each.
    endpoints={
        # fedmsg-relay listens on relay_inbound and speaks here.
        "relay_outbound": [
            "tcp://127.0.0.1:4001",
        ],
        "fedmsg.%s" % hostname: [
            "tcp://127.0.0.1:49%0.2i" % i for i in range(4)
        ],
        "bodhi.%s" % hostname: [
            "tcp://127.0.0.1:3001",
        ],
        u"mediawiki.%s" % hostname: [
            "tcp://127.0.0.1:" "3002",
        ],
    },
)
