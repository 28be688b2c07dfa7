package fedmsgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// RabbitMQOptions says how a RabbitMQ is started. The zero value listens for AMQP without TLS, with the user guest.
type RabbitMQOptions struct {
	STOMP bool // with its STOMP plugin
	// TLS makes it listen with TLS too, for each protocol. Who shows a certificate of the authority is let in by EXTERNAL as the
	// user of the certificate's common name.
	TLS    *Authority
	Users  []string // users beside guest, each with its name as password; with all rights
	VHosts []string // beside /
	Config string   // further lines of rabbitmq.conf
}

// RabbitMQ is a real rabbitmq-server on loopback ports, with all its files in a directory of its own. Its ports stay the same
// over its lives. One goroutine at a time starts and ends it.
type RabbitMQ struct {
	Addr     string // HOST:PORT of AMQP
	TLSAddr  string // and with TLS; empty without Options.TLS
	STOMP    string // and of STOMP; empty without Options.STOMP
	STOMPTLS string
	broker
}

// rabbitServer is the program itself: the one of the same name in sbin wants a user of its own.
const rabbitServer = "/usr/lib/rabbitmq/bin/rabbitmq-server"

// StartRabbitMQ starts a server that ends with the test.
func StartRabbitMQ(t testing.TB, opts RabbitMQOptions) *RabbitMQ {
	t.Helper()
	dir, err := os.MkdirTemp("", "fmq")
	if err != nil {
		t.Fatal(err)
	}
	NeedRabbitMQ(t)
	r, err := NewRabbitMQ(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Remove(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log of RabbitMQ:\n%s", tail(r.Logs(), 60))
		}
	})
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// NeedRabbitMQ ends the test as [Missing] does where there is no rabbitmq-server.
func NeedRabbitMQ(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(rabbitServer); err != nil {
		Missing(t, "the package rabbitmq-server")
	}
}

// NewRabbitMQ prepares a server in an empty directory, which is made if need be and which Remove removes, and does not start it.
// It is for the TestMain of packages whose tests share one.
func NewRabbitMQ(dir string, opts RabbitMQOptions) (*RabbitMQ, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	r := &RabbitMQ{broker: broker{
		name: "RabbitMQ", ready: "Server startup complete", script: rabbitScript, args: []string{rabbitServer},
		env: rabbitEnviron(dir, quietPort(), quietPort()), dir: dir, out: newOutput(),
	}}
	listen := func() string { return fmt.Sprintf("127.0.0.1:%d", quietPort()) }
	r.Addr = listen()
	config := "listeners.tcp.1 = " + r.Addr + "\nlog.console = true\nlog.console.level = info\nlog.file = false\n" +
		"load_definitions = " + filepath.Join(dir, "definitions.json") + "\n" + opts.Config + "\n"
	var plugins []string
	if opts.STOMP {
		plugins = append(plugins, "rabbitmq_stomp")
		r.STOMP = listen()
		config += "stomp.listeners.tcp.1 = " + r.STOMP + "\n"
	}
	if opts.TLS != nil {
		plugins = append(plugins, "rabbitmq_auth_mechanism_ssl")
		r.TLSAddr = listen()
		pair, err := opts.TLS.Issue("localhost")
		if err != nil {
			return nil, err
		}
		config += "listeners.ssl.1 = " + r.TLSAddr + "\nssl_options.cacertfile = " + opts.TLS.File + "\nssl_options.certfile = " +
			pair.Certificate + "\nssl_options.keyfile = " + pair.Key + "\nssl_options.verify = verify_peer\n" +
			"ssl_options.fail_if_no_peer_cert = false\nssl_cert_login_from = common_name\n" +
			"auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = AMQPLAIN\nauth_mechanisms.3 = EXTERNAL\n"
		if opts.STOMP {
			r.STOMPTLS = listen()
			config += "stomp.listeners.ssl.1 = " + r.STOMPTLS + "\n"
		}
	}
	write := func(name, text string) error {
		return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
	}
	return r, errors.Join(write("rabbitmq.conf", config), write("plugins", "["+strings.Join(plugins, ",")+"].\n"),
		write("definitions.json", rabbitDefinitions(opts)))
}

// rabbitDefinitions is what the server is to have when it has started.
func rabbitDefinitions(opts RabbitMQOptions) string {
	var users, vhosts, rights []string
	hosts := append([]string{"/"}, opts.VHosts...)
	for _, h := range hosts {
		vhosts = append(vhosts, fmt.Sprintf(`{"name":%q}`, h))
	}
	for _, u := range append([]string{"guest"}, opts.Users...) {
		users = append(users, fmt.Sprintf(`{"name":%q,"password":%q,"tags":"administrator"}`, u, u))
		for _, h := range hosts {
			rights = append(rights, fmt.Sprintf(`{"user":%q,"vhost":%q,"configure":".*","write":".*","read":".*"}`, u, h))
		}
	}
	return fmt.Sprintf(`{"users":[%s],"vhosts":[%s],"permissions":[%s]}`,
		strings.Join(users, ","), strings.Join(vhosts, ","), strings.Join(rights, ","))
}

// rabbitEnviron keeps everything of the server in its directory.
func rabbitEnviron(dir string, distPort, epmdPort int) []string {
	in := func(name string) string { return filepath.Join(dir, name) }
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8", "RUNNING_UNDER_SYSTEMD=true", // the script becomes the server
		"RABBITMQ_NODENAME=test@localhost", "RABBITMQ_CONF_ENV_FILE=none",
		"RABBITMQ_MNESIA_BASE=" + in("mnesia"), "RABBITMQ_LOG_BASE=" + in("log"), "RABBITMQ_CONFIG_FILE=" + in("rabbitmq.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + in("plugins"), "RABBITMQ_PID_FILE=" + in("pid"),
		"RABBITMQ_GENERATED_CONFIG_DIR=" + in("generated"), "RABBITMQ_FEATURE_FLAGS_FILE=" + in("features"),
		"RABBITMQ_PLUGINS_EXPAND_DIR=" + in("expand"), fmt.Sprintf("RABBITMQ_DIST_PORT=%d", distPort),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none +sbwtdcpu none +sbwtdio none", // idle threads do not spin
		fmt.Sprintf("ERL_EPMD_PORT=%d", epmdPort), "ERL_EPMD_ADDRESS=127.0.0.1",
	}
}

// rabbitScript starts the port mapper, waits for it, and becomes the server. All of them end with descriptor 3, also when this
// process is killed.
const rabbitScript = `trap '' HUP
(read x <&3; kill -9 -$$) &
epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 3<&- &
until epmd -names >/dev/null 2>&1; do sleep 0.05; done
exec "$0" 3<&-`

// Ctl runs rabbitmqctl with the arguments and gives what it prints, as in "set_vm_memory_high_watermark", "0" which has the
// server take nothing more. Any goroutine may call it; it takes a second or two.
func (r *RabbitMQ) Ctl(args ...string) (string, error) {
	cmd := exec.Command("/usr/lib/rabbitmq/bin/rabbitmqctl", append([]string{"--quiet", "--timeout", "60"}, args...)...)
	cmd.Env, cmd.Dir = r.env, r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("rabbitmqctl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// hasPika asks once whether the Python of the system can speak to RabbitMQ.
var hasPika = sync.OnceValue(func() bool { return exec.Command(pythonPath, "-c", "import pika").Run() == nil })

// NeedPika ends the test as [Missing] does where Python has no pika, with which programs of another make speak AMQP.
func NeedPika(t testing.TB) {
	t.Helper()
	if !hasPika() {
		Missing(t, "the package python3-pika")
	}
}
