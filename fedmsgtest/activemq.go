package fedmsgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ActiveMQOptions says how an ActiveMQ is started. The zero value listens for STOMP without TLS, lets everybody in, and keeps
// its messages in memory.
type ActiveMQOptions struct {
	Persistent bool       // it keeps on disk what is sent as persistent
	TLS        *Authority // it listens with TLS too
	// Elements stand inside its <broker>, in any order, as <plugins>…</plugins> or <systemUsage>…</systemUsage>.
	Elements []string
}

// ActiveMQ is a real ActiveMQ on loopback ports, with all its files in a directory of its own. Its ports stay the same over its
// lives. One goroutine at a time starts and ends it.
type ActiveMQ struct {
	STOMP     string // HOST:PORT
	TLSAddr   string // and with TLS; empty without Options.TLS
	dir       string
	out       *output
	run       *run
	keepAlive *os.File // the server ends when it is closed, as it is when this process ends
}

// activeJar is the program itself: the package's own script wants root and a user.
const activeJar = "/usr/share/activemq/bin/activemq.jar"

// NeedActiveMQ ends the test as [Missing] does where there is no ActiveMQ.
func NeedActiveMQ(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(activeJar); err != nil {
		Missing(t, "the package activemq")
	}
	Tool(t, "java")
}

// StartActiveMQ starts a server that ends with the test.
func StartActiveMQ(t testing.TB, opts ActiveMQOptions) *ActiveMQ {
	t.Helper()
	NeedActiveMQ(t)
	dir, err := os.MkdirTemp("", "famq")
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewActiveMQ(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Remove(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log of ActiveMQ:\n%s", tail(a.Logs(), 60))
		}
	})
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	return a
}

// NewActiveMQ prepares a server in an empty directory, which is made if need be and which Remove removes, and does not start it. It
// is for the TestMain of packages whose tests share one.
func NewActiveMQ(dir string, opts ActiveMQOptions) (*ActiveMQ, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	a := &ActiveMQ{dir: dir, out: newOutput(), STOMP: fmt.Sprintf("127.0.0.1:%d", quietPort())}
	connectors := fmt.Sprintf("<transportConnector name=%q uri=%q/>", "stomp", "stomp://"+a.STOMP)
	elements := slices.Clone(opts.Elements)
	if opts.TLS != nil {
		if err := a.keystore(opts.TLS); err != nil {
			return nil, err
		}
		a.TLSAddr = fmt.Sprintf("127.0.0.1:%d", quietPort())
		connectors += fmt.Sprintf("<transportConnector name=%q uri=%q/>", "stomptls", "stomp+ssl://"+a.TLSAddr)
		elements = append(elements, fmt.Sprintf("<sslContext><sslContext keyStore=%q keyStorePassword=%q keyStoreType=%q/></sslContext>",
			"file:"+filepath.Join(dir, "server.p12"), keystorePassword, "PKCS12"))
	}
	if opts.Persistent {
		elements = append(elements, fmt.Sprintf("<persistenceAdapter><kahaDB directory=%q/></persistenceAdapter>", filepath.Join(dir, "store")))
	}
	elements = append(elements, "<transportConnectors>"+connectors+"</transportConnectors>")
	slices.Sort(elements) // the schema wants the names in their order
	text := fmt.Sprintf(activeConfig, filepath.Join(dir, "data"), opts.Persistent, strings.Join(elements, "\n"))
	return a, errors.Join(os.WriteFile(filepath.Join(dir, "activemq.xml"), []byte(text), 0o600),
		os.WriteFile(filepath.Join(dir, "log4j.properties"), []byte(activeLog), 0o600))
}

const activeConfig = `<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
 http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
<broker xmlns="http://activemq.apache.org/schema/core" brokerName="test" dataDirectory="%s" persistent="%t" useJmx="false">
%s
</broker></beans>
`

const activeLog = `log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%p %m%n
`

// keystorePassword is that of the file with the server's certificate and key, which Java reads in no other form.
const keystorePassword = "keystore"

func (a *ActiveMQ) keystore(authority *Authority) error {
	pair, err := authority.Issue("localhost")
	if err != nil {
		return err
	}
	out, err := exec.Command("openssl", "pkcs12", "-export", "-in", pair.Certificate, "-inkey", pair.Key,
		"-out", filepath.Join(a.dir, "server.p12"), "-passout", "pass:"+keystorePassword).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot make a keystore: %w\n%s", err, out)
	}
	return nil
}

// activeScript becomes the server, which ends with descriptor 3, also when this process is killed.
const activeScript = `(read x <&3; kill -9 -$$) &
exec "$0" "$@" 3<&-`

// activePatience bounds the start and the stop: it takes 2 s on an idle machine.
const activePatience = 2 * time.Minute

// Start starts a server that does not run, and returns when it serves.
func (a *ActiveMQ) Start() error {
	if a.run != nil {
		return fmt.Errorf("the ActiveMQ runs already")
	}
	read, keep, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	from := len(a.out.String())
	cmd := exec.Command("/bin/sh", "-c", activeScript, "java", "-Xmx256m", "-XX:+UseSerialGC",
		"-Dactivemq.home=/usr/share/activemq", "-Dactivemq.base="+a.dir, "-Dactivemq.conf="+a.dir, "-Dactivemq.data="+filepath.Join(a.dir, "data"),
		"-Djava.io.tmpdir="+a.dir, "-Dlog4j.configuration=file:"+filepath.Join(a.dir, "log4j.properties"),
		"-jar", activeJar, "start", "xbean:file:"+filepath.Join(a.dir, "activemq.xml"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = a.dir, a.out, a.out
	cmd.ExtraFiles = []*os.File{read}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		keep.Close()
		return err
	}
	life := &run{cmd: cmd, ended: make(chan struct{})}
	go func() { // ends with the process; Kill9 at the latest waits for it
		_, err := cmd.Process.Wait()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the reader of descriptor 3
		_ = cmd.Wait()                                      // ends the copying of its output
		life.err = err
		close(life.ended)
	}()
	a.run, a.keepAlive = life, keep
	return a.awaitLine(from, ") started")
}

// awaitLine waits until the server has printed a line with that text behind the first bytes of its log.
func (a *ActiveMQ) awaitLine(from int, text string) error {
	deadline := time.NewTimer(activePatience)
	defer deadline.Stop()
	for {
		said, more := a.out.after(from)
		if strings.Contains(said, text) {
			return nil
		}
		select {
		case <-more:
		case <-a.run.ended:
			return fmt.Errorf("ActiveMQ ended where %q was awaited:\n%s", text, tail(a.Logs(), 40))
		case <-deadline.C:
			return fmt.Errorf("ActiveMQ has not said %q after %s:\n%s", text, activePatience, tail(a.Logs(), 40))
		}
	}
}

// Logs gives all that the server has printed, over all its lives.
func (a *ActiveMQ) Logs() string { return a.out.String() }

// Kill9 ends the server at once, as kill -9 does, and waits until it is gone. Without a running one it does nothing.
func (a *ActiveMQ) Kill9() {
	if a.run == nil {
		return
	}
	_ = syscall.Kill(-a.run.cmd.Process.Pid, syscall.SIGKILL) // an error says that it is gone already
	<-a.run.ended
	a.run = nil
	a.keepAlive.Close()
}

// Stop ends the server by SIGTERM.
func (a *ActiveMQ) Stop() error {
	if a.run == nil {
		return nil
	}
	deadline := time.NewTimer(activePatience)
	defer deadline.Stop()
	_ = a.run.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	var err error
	select {
	case <-a.run.ended:
	case <-deadline.C:
		err = fmt.Errorf("ActiveMQ does not stop within %s:\n%s", activePatience, tail(a.Logs(), 40))
	}
	a.Kill9()
	return err
}

// Restart stops it and starts it again with what it has on disk.
func (a *ActiveMQ) Restart() error { return errors.Join(a.Stop(), a.Start()) }

// Remove ends it at once and removes its files.
func (a *ActiveMQ) Remove() error {
	a.Kill9()
	return os.RemoveAll(a.dir)
}

// Pause freezes the server (SIGSTOP): connections are accepted by the kernel, nothing answers.
func (a *ActiveMQ) Pause() error { return a.run.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a paused server go on (SIGCONT).
func (a *ActiveMQ) Resume() error { return a.run.cmd.Process.Signal(syscall.SIGCONT) }
