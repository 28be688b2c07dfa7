apps = ['app%0.2i' % i for i in range(1, 3)]
suffix = '.dc.example.org'
prefix = 'org.fedoraproject.prod.'

policy = {}
for topics, names in [
    (['bodhi.update.comment', 'bodhi.update.request.testing'], ['bodhi-' + a + suffix for a in apps]),
    (['git.receive', 'git.branch'], ['scm-pkgs01' + suffix]),
]:
    for t in topics:
        policy[prefix + t] = names

policy[prefix + 'announce.announcement'] = 'shell-busgateway01' + suffix

config = dict(
    routing_nitpicky=True,
    routing_policy=policy,
)
