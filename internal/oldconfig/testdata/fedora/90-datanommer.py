config = {
    'datanommer.enabled': True,
    # A secret, which no import may copy.
    'datanommer.sqlalchemy.url': 'postgresql://datanommer:hunter2-canary@db01/datanommer',
    'moksha.workers_per_consumer': 3,
    'moksha.monitoring.socket': 'ipc:///var/run/fedmsg/monitoring-fedmsg-hub.socket',
    'moksha.monitoring.socket.mode': '777',
    'fmn.consumer.enabled': False,
}
