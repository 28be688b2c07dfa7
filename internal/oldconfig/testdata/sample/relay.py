config = dict(
    # Programs that run for a moment only cannot bind a port: they connect to this one.
    relay_inbound=["tcp://127.0.0.1:2003"],
)
