# A hub that listens to a broker and not to ZeroMQ.
config = dict(
    environment='staging',
    endpoints={'relay_outbound': ['tcp://relay01.example.org:4001']},
    relay_inbound='tcp://relay01.example.org:2003',
    zmq_enabled=False,
    stomp_uri='mq01.example.org:61612,mq02.example.org:61612',
    stomp_user='hub',
    stomp_pass='hunter3-canary',
    stomp_ssl_crt='/etc/fedmsg/hub.crt',
    stomp_ssl_key='/etc/fedmsg/hub.key',
    stomp_heartbeat=1000,
    stomp_queue='/queue/Consumer.hub.VirtualTopic.eng.>',
    validate_signatures=False,
    routing_policy={'org.example.prod.a': ['b'], 'org.example.*': ['c']},
    routing_nitpicky=False,
)
