from debmessenger import queue

config = {
    # Where the mails are parsed into messages.
    'debmessenger.queue': queue.Path('/var/spool/debmessenger'),
    'relay_inbound': [u'tcp://127.0.0.1:2003'],
    'fedmsg.consumers.gateway.port': 9940,
}
