package fedmsgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ActiveMQOptions says how an ActiveMQ is started. The zero value listens for STOMP without TLS, lets everybody in, and keeps
// its messages in memory.
type ActiveMQOptions struct {
	Persistent bool       // it keeps on disk what is sent as persistent
	Measured   bool       // it becomes as fast as it can, instead of starting in half the time
	TLS        *Authority // it listens with TLS too
	// Elements stand inside its <broker>, in any order, as <plugins>…</plugins> or <systemUsage>…</systemUsage>.
	Elements []string
}

// ActiveMQ is a real ActiveMQ on loopback ports, with all its files in a directory of its own. Its ports stay the same over its
// lives. One goroutine at a time starts and ends it.
type ActiveMQ struct {
	STOMP   string // HOST:PORT
	TLSAddr string // and with TLS; empty without Options.TLS
	broker
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
	a := &ActiveMQ{STOMP: fmt.Sprintf("127.0.0.1:%d", quietPort())}
	a.broker = broker{name: "ActiveMQ", ready: ") started", script: brokerScript, args: activeArgs(dir, opts.Measured), dir: dir, out: newOutput()}
	connectors := fmt.Sprintf("<transportConnector name=%q uri=%q/>", "stomp", "stomp://"+a.STOMP+noDelay)
	elements := slices.Clone(opts.Elements)
	if opts.TLS != nil {
		if err := a.keystore(opts.TLS); err != nil {
			return nil, err
		}
		a.TLSAddr = fmt.Sprintf("127.0.0.1:%d", quietPort())
		connectors += fmt.Sprintf("<transportConnector name=%q uri=%q/>", "stomptls", "stomp+ssl://"+a.TLSAddr+noDelay)
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

// noDelay has it send each frame at once, instead of when the one before was acknowledged, which takes its time (40 ms).
const noDelay = "?transport.tcpNoDelay=true"

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

// activeArgs is how the server is started on its directory.
func activeArgs(dir string, measured bool) []string {
	compiler := "-XX:TieredStopAtLevel=1" // the one that is quick
	if measured {
		compiler = "-XX:+TieredCompilation"
	}
	return []string{
		"java", "-Xmx256m", "-XX:+UseSerialGC", compiler,
		"-Dactivemq.home=/usr/share/activemq", "-Dactivemq.base=" + dir, "-Dactivemq.conf=" + dir, "-Dactivemq.data=" + filepath.Join(dir, "data"),
		"-Djava.io.tmpdir=" + dir, "-Dlog4j.configuration=file:" + filepath.Join(dir, "log4j.properties"),
		"-jar", activeJar, "start", "xbean:file:" + filepath.Join(dir, "activemq.xml"),
	}
}
