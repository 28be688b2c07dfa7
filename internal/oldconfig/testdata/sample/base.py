# The settings that every program of the bus shares.
config = dict(
    # What all topics begin with.
    topic_prefix="org.example",

    # dev, stg or prod.
    environment="dev",

    # How many messages may wait; 0 is without end.
    high_water_mark=0,
    io_threads=1,

    # Publishers wait a moment before the first message, for subscribers to connect.
    post_init_sleep=0.5,

    # How long to wait for an answer, in seconds.
    timeout=2,
    zmq_linger=1000,

    # Keeping connections through firewalls.
    zmq_tcp_keepalive=1,
    zmq_tcp_keepalive_cnt=3,
    zmq_tcp_keepalive_idle=60,
    zmq_tcp_keepalive_intvl=5,
    zmq_reconnect_ivl=100,
    zmq_reconnect_ivl_max=1000,
)
