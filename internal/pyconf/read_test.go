package pyconf

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testHost is a machine for which files are read.
func testHost() Host {
	return Host{
		Name: "app01", FQDN: "app01.example.org", User: "fedmsg",
		Getenv: func(name string) string { return map[string]string{"HOME": "/home/bus", "SITE": "north"}[name] },
		Exists: func(path string) bool { return path == "/etc/here" },
	}
}

func read(t *testing.T, src string) (*File, error) {
	t.Helper()
	return Read(t.Context(), "base.py", []byte(src), testHost())
}

// TestRead holds what Python means by what stands in the files of the old bus.
func TestRead(t *testing.T) {
	cases := []struct{ name, src string }{
		{"modules", "import socket, os\nfrom os import path as p, environ\nimport os.path\nx = [socket.gethostname().split('.', 1)[0], os.uname()[1], p.join('/a', 'b'), os.path.expanduser('~/x'), environ['SITE'], os.environ.get('NO', 'none'), os.getenv('SITE'), os.path.exists('/etc/here'), os.path.isfile('/etc/no')]\nwant = ['app01', 'app01', '/a/b', '/home/bus/x', 'north', 'none', 'north', True, False]"},
		{"import over lines", "from socket import (  # which we need\n    gethostname as host,\n    getfqdn,\n)\nx = [host(), getfqdn()]\nwant = ['app01', 'app01.example.org']"},
		{"import in a block", "if True:\n    import socket; n = socket.gethostname()\nx = n\nwant = 'app01'"},
		{"percent", "x = ['tcp://%s:30%0.2i' % ('a', i) for i in range(9, 11)] + ['%(a)s-%(b)03d' % {'a': 'x', 'b': 7}, '%5s|%-5s|%%' % ('ab', 'cd'), '%r' % 'q', '%.2f' % 1.5, '%x' % 255, 7 % 4]\nwant = ['tcp://a:3009', 'tcp://a:3010', 'x-007', '   ab|cd   |%', \"'q'\", '1.50', 'ff', 3]"},
		{"format", "x = ['{}:{:02d}'.format('h', 3), '{1}{0}'.format('a', 'b'), '{n:>3}{{}}'.format(n=5)]\nwant = ['h:03', 'ba', '  5{}']"},
		{"strings side by side", "x = ['a' 'b'\n     \"c\", u'd' r'\\e' % (), 'f' 'g%s' % 1]\nwant = ['abc', 'd\\\\e', 'fg1']"},
		{"escapes", `x = ["\d+\.\w", '\x41\xe9', b'bytes', """a
b"""]` + "\nwant = ['\\\\d+\\\\.\\\\w', 'A\u00e9', 'bytes', 'a\\nb']"},
		{"try", "try:\n    import yaml\n    x = 1\nexcept ImportError:\n    raise\nexcept (A, B) as e:\n    x = 2\nelse:\n    x = 3\nfinally:\n    y = 4\nwant = 3"},
		{"generators", "x = dict((n, n.upper()) for n in ['a', 'b'])\nwant = {'a': 'A', 'b': 'B'}"},
		{"comparisons", "n = None\nx = [n is None, n is not None, 'a' not in ['b'], 3L]\nwant = [True, False, True, 3]"},
		{"python 2", "x = sorted([k + unicode(v) for k, v in {'a': 1}.iteritems()]) + [n for n in xrange(2)]\nwant = ['a1', 0, 1]"},
		{"in place", "a = ['x']\nb = a\na += ['y']\nd = {'k': 1}\nd['k'] += 1\nd.update(z=3)\nx = [b, d, d.copy(), a.copy()]\nwant = [['x', 'y'], {'k': 2, 'z': 3}, {'k': 2, 'z': 3}, ['x', 'y']]"},
		{"a key twice", "x = {'a': 1, 'b': 2, 'a': 3}\nwant = dict([('a', 3), ('b', 2)])"},
		{"functions", "def url(host, port=3000 + 1):\n    return 'tcp://' + host + ':' + str(port)\nx = [url('a'), (lambda s: s * 2)('b')]\nwant = ['tcp://a:3001', 'bb']"},
		{"loops", "x = []\nfor i in range(3):\n    if i == 1:\n        continue\n    x.append(i)\nwant = [0, 2]"},
		{"numbers and kinds", "x = [1.5, -2, 10**0 if False else 1, None, (1, 'a'), {1: 2}]\nwant = [1.5, -2, 1, None, [1, 'a'], {'1': 2}]"},
		{"windows and a mark", "\ufeffx = 1\r\nwant = 1\r\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			src := strings.Replace(c.src, "10**0 if False else ", "", 1) + "\nconfig = {'x': x, 'want': want}\n"
			f, err := read(t, src)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(f.Config.Values["want"], f.Config.Values["x"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestUnknown holds that what other modules would give is known as such, and not made up.
func TestUnknown(t *testing.T) {
	f, err := read(t, "from sqlalchemy import create_engine\nimport store\ne = create_engine('sqlite:///x')\nconfig = dict(persistent_store=store.SQL(e), text='a%s' % e, more='x' + store.y, sum=1, f=lambda: 1)\n")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Value{
		"persistent_store": Unknown("store.SQL()"), "text": Unknown("sqlalchemy.create_engine()"), "more": Unknown("store.y"), "sum": int64(1), "f": Unknown("function"),
	}
	if diff := cmp.Diff(want, f.Config.Values); diff != "" {
		t.Error(diff)
	}
}

// TestPositions holds that keys and faults have their lines, whatever was put in other words before them.
func TestPositions(t *testing.T) {
	f, err := read(t, "from os import (\n  path,\n)\nconfig = {\n  'a': 'x'\n       'y',\n  'b': 1,\n}\nconfig['c'] = 2\nconfig.update(d=3)\ntry:\n  pass\nexcept X:\n  pass\n")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"a": "base.py:5", "b": "base.py:7", "c": "base.py:9", "d": "base.py:10", "e": "base.py"} {
		if got := f.At(key).String(); got != want {
			t.Errorf("%s is at %s, want %s", key, got, want)
		}
	}
	if len(f.Warnings) != 1 || f.Warnings[0].Error() != `base.py:13: what stands behind "except" is passed over: nothing fails here` {
		t.Errorf("warnings %v", f.Warnings)
	}
}

// TestFaults holds that what is not understood is told with its line and nothing else comes of it.
func TestFaults(t *testing.T) {
	cases := []struct{ name, src, want string }{
		{"no config", "x = 1\n", "base.py: it makes no dict that is called config"},
		{"other config", "config = 3\n", "base.py: it makes no dict that is called config"},
		{"syntax", "config = {\n  'a' 1\n}\n", "base.py:2: not understood: got int literal"},
		{"name", "config = {}\nconfig['a'] = nowhere\n", "base.py:2: undefined: nowhere"},
		{"class", "class A:\n  pass\nconfig = {}\n", "base.py:1: not understood"},
		{"f", "import x\nconfig = {'a': f'{x}'}\n", "base.py:2: a string with f before it"},
		{"no end", "config = {}\nx = 'a\n", "base.py:2: a string has no end"},
		{"open", "config = {}\nopen('/etc/passwd')\n", "base.py:2: undefined: open"},
		{"load", "load('x', 'y')\nconfig = {}\n", "base.py:1: "},
		{"raise", "config = {}\nraise SystemExit(1)\n", "base.py:2: it ends itself here, by raise"},
		{"missing", "import os\nconfig = {'a': os.environ['NO']}\n", `base.py:2: key "NO" not in os.environ`},
		{"in a function", "def f():\n  return {}['x']\nconfig = {\n  'a': f(),\n}\n", `base.py:2: key "x" not in dict`},
		{"too few values", "config = {'a': '%s %s' % 'x'}\n", "base.py:1: there are fewer values than the format has places"},
		{"not UTF-8", "config = {'a': '\xff'}\n", "base.py: it is not UTF-8"},
		{"import", "import a-b\nconfig = {}\n", "base.py:1: import is not understood"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(t, c.src)
			if fault, ok := errors.AsType[*Fault](err); !ok || !strings.HasPrefix(fault.Error(), c.want) {
				t.Errorf("got %v, want %s…", err, c.want)
			}
		})
	}
}

// TestBounds holds that a file which wants too much of anything gets a fault, soon.
func TestBounds(t *testing.T) {
	config := "\nconfig = {'x': x}\n"
	const size, values, nesting = "it makes more than 65536 bytes", "config has more than 200000 values", "not understood: excessive nesting"
	cases := []struct{ name, src, want string }{
		{"large", "#" + strings.Repeat(" ", MaxSource) + "\nx = 1", "it has more than 262144 bytes"},
		{"endless", "x = 1\nwhile True:\n  x = 1 - x", "it takes more than 1000000 steps"},
		{"recursion", "def f(n):\n  return f(n)\nx = f(1)", "function f called recursively"},
		{"string times", "x = 'a' * 100000000", size},
		{"string doubled", "x = 'ab'\nfor i in range(40):\n  x = x + x", size},
		{"string +=", "x = 'ab'\nfor i in range(40):\n  x += x", size},
		{"list doubled", "x = [1]\nfor i in range(40):\n  x += list(x)", size},
		{"extend", "x = [1]\nfor i in range(40):\n  x.extend(list(x))", size},
		{"list times", "x = [0] * 60000000", size},
		{"turned round", "x = 60000000 * [0]", size},
		{"replace", "x = 'a' * 60000\nx = x.replace('a', x)", size},
		{"join", "x = 'a' * 6000\nx = x.join([x] * 60)", size},
		{"percent", "x = 'aaaaaaaa'\nfor i in range(40):\n  x = '%s%s' % (x, x)", size},
		{"width", "x = '%99999d' % 1", size},
		{"format", "x = 'aaaaaaaa'\nfor i in range(40):\n  x = '{0}{0}'.format(x)", size},
		{"range", "x = range(70000)", size},
		{"number", "x = 3\nfor i in range(40):\n  x = x * x", size},
		{"tuple in tuple", "x = (1,)\nfor i in range(40):\n  x = (x, x)\nx = {x: 1}", size},
		{"zip in zip", "x = (1,)\nfor i in range(20):\n  x = zip([x], [x])[0]\nx = {x: 1}", size},
		{"list in list", "x = [1]\nfor i in range(40):\n  x = [x, x]", values},
		{"deep list", "x = []\nfor i in range(60000):\n  x = [x]", values},
		{"itself", "x = []\nx.append(x)", values},
		{"text of itself", "x = []\nfor i in range(40):\n  x = [x, x]\nx = str(x)", "the text of a list is not understood"},
		{"many lists", "y = [0] * 60000\nx = [y[:] for i in range(60000)]", "it takes more than 128 MiB of memory"},
		{"brackets", "x = " + strings.Repeat("[", MaxSource-100), nesting},
		{"generators", "x = " + strings.Repeat("(x for x in ", MaxSource/12-100), "not understood: got for"},
		{"signs", "x = " + strings.Repeat("-", MaxSource-100) + "1", nesting},
		{"nots", "x = " + strings.Repeat("not ", MaxSource/4-100) + "1", nesting},
		{"lambdas", "x = " + strings.Repeat("lambda:", MaxSource/7-100) + "1", nesting},
		{"ifs", "x = " + strings.Repeat("1 if 0 else ", MaxSource/12-100) + "1", nesting},
		{"sums", "x = 1" + strings.Repeat("-1", MaxSource/2-100), ""},
		{"dots", "x = ''" + strings.Repeat(".a", MaxSource/2-100), "string has no .a field or method"},
		{"calls", "x = 1" + strings.Repeat("()", MaxSource/2-100), "invalid call of non-function (int)"},
		{"blocks", blocks(600), ""},
		{"import unfinished", "from a import (" + strings.Repeat("(", 100000), "from is not understood"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := read(t, c.src+config)
			runtime.ReadMemStats(&after)
			if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 512 {
				t.Errorf("it took %d MiB", took)
			}
			fault, ok := errors.AsType[*Fault](err)
			if c.want == "" && err == nil {
				return
			}
			if !ok || c.want == "" || !strings.HasPrefix(fault.Text, c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// blocks gives n blocks in one another.
func blocks(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "if 1:\n")
	}
	return b.String() + strings.Repeat(" ", n) + "x = 1"
}

// TestStops holds that reading ends with its context.
func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	host := testHost()
	host.Exists = func(string) bool { // long before there are too many steps
		cancel()
		runtime.Gosched()
		return true
	}
	_, err := Read(ctx, "base.py", []byte("import os\nwhile os.path.exists('/'):\n  x = 1\n"), host)
	if err == nil || !strings.HasSuffix(err.Error(), "it took too long") {
		t.Error(err)
	}
}

// TestMerge holds how later files go over earlier ones.
func TestMerge(t *testing.T) {
	a, err := read(t, "config = {'e': {'a': ['1'], 'b': ['2']}, 's': 1, 'l': [1, 2]}")
	if err != nil {
		t.Fatal(err)
	}
	b, err := read(t, "config = {'e': {'b': ['3'], 'c': ['4']}, 's': {'x': 1}, 'l': [3]}")
	if err != nil {
		t.Fatal(err)
	}
	a.Config.Merge(b.Config)
	want := "config = {'e': {'a': ['1'], 'b': ['3'], 'c': ['4']}, 's': {'x': 1}, 'l': [3]}"
	if w, err := read(t, want); err != nil || cmp.Diff(w.Config, a.Config) != "" {
		t.Error(err, cmp.Diff(w.Config, a.Config))
	}
}

// FuzzRead: whatever the text, there is a file or a fault.
func FuzzRead(f *testing.F) {
	f.Add("import socket\nconfig = {'a': 'b' \"c\" % 1, u'd': [x for x in (1, 2)]}\n")
	f.Add("from a import (b,\n c as d)\nconfig = dict(a=b.c(d)['e'])\ntry:\n  raise X\nexcept:\n  pass\n")
	f.Add("config = {}\nconfig['x'] = '{0:>5}%03d' 'y'.format(1) is not None\nconfig['x'] += 'z' * 3\n")
	f.Fuzz(func(t *testing.T, src string) {
		file, err := Read(t.Context(), "f", []byte(src), testHost())
		if _, ok := errors.AsType[*Fault](err); !ok && (err != nil || file.Config == nil) {
			t.Errorf("%v %v", file, err)
		}
	})
}
