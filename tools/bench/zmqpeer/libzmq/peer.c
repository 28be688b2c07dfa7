// The part of libzmq in a measurement, in its own C: the command line and the lines that are said stand in ../peer.go.
//
// A pub that loses nothing has ZMQ_XPUB_NODROP and libzmq's own high-water marks; ZMQPEER_UNLIMITED=1 gives it none instead.

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define MESSAGE_BYTES 1024
#define SYNC_MS 5
#define WARM_UP 500
// How many messages are taken from one of several sockets before the next has its turn.
#define TURN 64

static const char topic[] = "org.fedoraproject.prod.buildsys.build.state.change.for.bench";

static void *context;
static const char *uri;
static char *keys[4]; // server public, server secret, client public, client secret; NULL without CURVE
static int count, peers, window;

static void fail(const char *what) {
	fprintf(stderr, "libzmq: %s: %s\n", what, zmq_strerror(zmq_errno()));
	exit(1);
}

static void check(int rc, const char *what) {
	if (rc < 0) fail(what);
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu(void) {
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

// rss is the most memory that was resident. The rusage would tell that of the parent too.
static long long rss(void) {
	char line[256];
	long long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmHWM: %lld", &kb) == 1) break;
	if (f) fclose(f);
	return kb << 10;
}

static void say(long long messages, double seconds, double used, double p50, double p99) {
	printf("{\"count\":%lld,\"seconds\":%.6f,\"cpu\":%.6f,\"rss\":%lld,\"p50\":%.2f,\"p99\":%.2f}\n", messages, seconds, used, rss(), p50, p99);
}

// hear gives a line of standard input without its end, or NULL if there is none within a time; -1 is for ever. It reads the file
// itself: stdio would hide lines from poll.
static char *hear(int ms) {
	static char buffer[4096], line[4096];
	static size_t have;
	for (;;) {
		char *end = memchr(buffer, '\n', have);
		if (end) {
			size_t n = end - buffer;
			memcpy(line, buffer, n);
			line[n] = 0;
			have -= n + 1;
			memmove(buffer, end + 1, have);
			return line;
		}
		struct pollfd p = {0, POLLIN, 0};
		if (poll(&p, 1, ms) <= 0) return NULL;
		ssize_t n = read(0, buffer + have, sizeof buffer - have);
		if (n <= 0) exit(1);
		have += n;
	}
}

static void await(const char *word) {
	while (strcmp(hear(-1), word)) {
	}
}

static void *make(int type, int server) {
	void *s = zmq_socket(context, type);
	if (!s) fail("socket");
	int zero = 0;
	zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof zero);
	if (!keys[0]) return s;
	int on = 1;
	if (server) {
		check(zmq_setsockopt(s, ZMQ_CURVE_SERVER, &on, sizeof on), "curve");
		check(zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, keys[1], 41), "curve");
	} else {
		check(zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, keys[0], 41), "curve");
		check(zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, keys[2], 41), "curve");
		check(zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, keys[3], 41), "curve");
	}
	return s;
}

static void bind_socket(void *s) {
	char bound[256];
	size_t n = sizeof bound;
	check(zmq_bind(s, uri), "bind");
	check(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, bound, &n), "endpoint");
	printf("bound %s\n", bound);
}

static void put_number(char *body, uint64_t n) {
	for (int i = 7; i >= 0; i--, n >>= 8) body[i] = n & 0xff;
}

static uint64_t number(const unsigned char *body) {
	uint64_t n = 0;
	for (int i = 0; i < 8; i++) n = n << 8 | body[i];
	return n;
}

static void publish_one(void *s, const char *body) {
	check(zmq_send(s, topic, sizeof topic - 1, ZMQ_SNDMORE), "send");
	check(zmq_send(s, body, MESSAGE_BYTES, 0), "send");
}

static void publish(void) {
	void *s = make(ZMQ_XPUB, 1);
	int on = 1, none = 0;
	if (getenv("ZMQPEER_UNLIMITED"))
		check(zmq_setsockopt(s, ZMQ_SNDHWM, &none, sizeof none), "hwm");
	else if (window == 0)
		check(zmq_setsockopt(s, ZMQ_XPUB_NODROP, &on, sizeof on), "nodrop");
	bind_socket(s);
	char body[MESSAGE_BYTES] = {0};
	for (char *line = NULL; !line || strcmp(line, "go"); line = hear(SYNC_MS)) publish_one(s, body);
	double used = cpu(), start = now();
	long acked = 0;
	for (long i = 1; i <= count; i++) {
		while (window > 0 && i > acked + window)
			if (sscanf(hear(-1), "ack %ld", &acked) != 1) exit(1);
		put_number(body, i);
		publish_one(s, body);
	}
	await("done");
	say(count, now() - start, cpu() - used, 0, 0);
}

// take receives one message and gives its number; -1 if there is none.
static int64_t take(void *s, int flags) {
	zmq_msg_t m;
	int64_t n = -1;
	zmq_msg_init(&m);
	if (zmq_msg_recv(&m, s, flags) < 0) {
		if (zmq_errno() != EAGAIN) fail("recv");
		zmq_msg_close(&m);
		return -1;
	}
	check(zmq_msg_recv(&m, s, 0), "recv");
	if (zmq_msg_size(&m) != MESSAGE_BYTES || zmq_msg_more(&m)) {
		fprintf(stderr, "libzmq: a message is not as it was sent\n");
		exit(1);
	}
	n = number(zmq_msg_data(&m));
	zmq_msg_close(&m);
	return n;
}

struct reader {
	int heard;
	int64_t got;
};

static double first;
static int ready, finished;
static int left[16]; // sockets that have not reached a quarter of the window

static void got(struct reader *r, int64_t n) {
	if (!r->heard) {
		r->heard = 1;
		ready++;
	}
	if (n == 0) return;
	if (++r->got != n) {
		fprintf(stderr, "libzmq: message %lld came instead of %lld\n", (long long)n, (long long)r->got);
		exit(1);
	}
	if (first == 0) first = now();
	if (n == count) finished++;
	int step = window / 4;
	if (step && n % step == 0) {
		int *l = &left[n / step % 16];
		if (--*l == 0) {
			*l = peers;
			printf("ack %lld\n", (long long)n);
		}
	}
}

// turn takes what has come on all sockets.
static void turn(zmq_pollitem_t *items, struct reader *readers) {
	if (peers == 1) {
		got(readers, take(items[0].socket, 0));
		return;
	}
	check(zmq_poll(items, peers, -1), "poll");
	for (int i = 0; i < peers; i++) {
		if (!(items[i].revents & ZMQ_POLLIN)) continue;
		for (int k = 0; k < TURN; k++) {
			int64_t n = take(items[i].socket, ZMQ_DONTWAIT);
			if (n < 0) break;
			got(&readers[i], n);
		}
	}
}

static void subscribe(void) {
	zmq_pollitem_t *items = calloc(peers, sizeof *items);
	struct reader *readers = calloc(peers, sizeof *readers);
	for (int i = 0; i < 16; i++) left[i] = peers;
	for (int i = 0; i < peers; i++) {
		items[i].socket = make(ZMQ_SUB, 0);
		items[i].events = ZMQ_POLLIN;
		check(zmq_setsockopt(items[i].socket, ZMQ_SUBSCRIBE, "", 0), "subscribe");
		check(zmq_connect(items[i].socket, uri), "connect");
	}
	while (ready < peers) turn(items, readers);
	double used = cpu();
	printf("ready\n");
	while (finished < peers) turn(items, readers);
	say((long long)count * peers, now() - first, cpu() - used, 0, 0);
}

static int compare(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void ask(void) {
	void *s = make(ZMQ_REQ, 0);
	check(zmq_connect(s, uri), "connect");
	char body[MESSAGE_BYTES] = {0};
	double *times = calloc(count, sizeof *times), used = 0, start = 0;
	for (int i = -WARM_UP; i < count; i++) {
		if (i == 0) {
			used = cpu();
			start = now();
		}
		double before = now();
		check(zmq_send(s, body, sizeof body, 0), "send");
		int n = zmq_recv(s, body, sizeof body, 0);
		check(n, "recv");
		if (i >= 0) times[i] = (now() - before) * 1e6;
		if (n != sizeof body) {
			fprintf(stderr, "libzmq: a reply has %d bytes\n", n);
			exit(1);
		}
	}
	double seconds = now() - start;
	used = cpu() - used;
	qsort(times, count, sizeof *times, compare);
	say(count, seconds, used, times[count / 2], times[(long)count * 99 / 100]);
}

static void answer(void) {
	void *s = make(ZMQ_REP, 1);
	bind_socket(s);
	char body[MESSAGE_BYTES];
	for (;;) {
		int n = zmq_recv(s, body, sizeof body, 0);
		check(n, "recv");
		check(zmq_send(s, body, n, 0), "send");
	}
}

int main(int argc, char **argv) {
	if (argc < 6) {
		fprintf(stderr, "usage: ROLE URI COUNT PEERS MECHANISM [WINDOW]\n");
		return 64;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	uri = argv[2];
	count = atoi(argv[3]);
	peers = atoi(argv[4]);
	window = argc > 6 ? atoi(argv[6]) : 0;
	if (!strncmp(argv[5], "curve,", 6)) {
		strtok(argv[5], ",");
		for (int i = 0; i < 4; i++) keys[i] = strtok(NULL, ",");
	}
	context = zmq_ctx_new();
	if (peers + 10 > ZMQ_MAX_SOCKETS_DFLT) zmq_ctx_set(context, ZMQ_MAX_SOCKETS, peers + 10);
	if (!strcmp(argv[1], "pub")) publish();
	else if (!strcmp(argv[1], "sub")) subscribe();
	else if (!strcmp(argv[1], "req")) ask();
	else if (!strcmp(argv[1], "rep")) answer();
	else return 64;
	fflush(stdout);
	_exit(0); // without closing sockets: what counts is measured
}
