import socket

# The mesh of a data centre: for each machine the ports of its services.
suffix = 'dc.example.org'
config = dict(endpoints={})
NUM_THREADS = 4

for host, services in sorted({
    'app01': ['bodhi', 'fas'],
    'app02': ['bodhi'],
    'pkgs01': ['scm'],
}.items()):
    port = 3000
    for service in services:
        config['endpoints']['%s.%s' % (service, host)] = [
            'tcp://{0}.{1}:{2}'.format(host, suffix, port + i)
            for i in range(NUM_THREADS)
        ]
        port += NUM_THREADS

# Only the machine of the bus itself relays.
if socket.gethostname().startswith('busgateway'):
    config['endpoints']['relay_outbound'] = ['tcp://%s:3999' % socket.gethostname(), 'tcp://%s:4998' % socket.gethostname()]
    config['relay_inbound'] = 'tcp://%s:9941' % socket.gethostname()
    config['fedmsg.consumers.gateway.port'] = 9940
    config['replay_endpoints'] = {
        'relay_outbound': 'tcp://*:4101',
        'scm.pkgs01': 'tcp://pkgs01.%s:3100' % suffix,
        'nobody': 'tcp://pkgs01.%s:3101' % suffix,
    }
