package pyconf

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"strings"
	"unicode/utf8"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Read reads the text of one file, of which path is the name. The error is a *[Fault].
func Read(ctx context.Context, path string, src []byte, host Host) (*File, error) {
	f := &File{Path: path}
	stop := func(line int, format string, args ...any) (*File, error) {
		return nil, &Fault{At: Position{path, line}, Text: fmt.Sprintf(format, args...)}
	}
	if len(src) > MaxSource {
		return stop(0, "it has more than %d bytes", MaxSource)
	}
	if !utf8.Valid(src) {
		return stop(0, "it is not UTF-8")
	}
	translated, warnings, fault := translate(string(src))
	if fault != nil {
		return stop(fault.At.Line, "%s", fault.Text)
	}
	for _, w := range warnings {
		w.At.File = path
		f.Warnings = append(f.Warnings, w)
	}
	// The name of the file is left out, which the parser would put into its errors.
	options := &syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true}
	tree, err := options.Parse("", translated, 0)
	if err != nil {
		line, text := cause(err)
		return stop(line, "not understood: %s", text)
	}
	f.lines = mentions(tree)
	rewrite(tree.Stmts)
	globals, err := evaluate(ctx, tree, host)
	if err != nil {
		line, text := cause(err)
		return stop(line, "%s", text)
	}
	config, ok := globals["config"].(*starlark.Dict)
	if !ok {
		return stop(0, "it makes no dict that is called config")
	}
	values := valuer{left: maxValues}
	if f.Config, err = values.table(config, 0); err != nil {
		return stop(f.lines["config"], "%s", err)
	}
	return f, nil
}

// evaluate runs the program within the bounds and gives what it set.
func evaluate(ctx context.Context, tree *syntax.File, host Host) (starlark.StringDict, error) {
	names := starlark.StringDict{importName: importer(modules(host)), "__name__": starlark.String("__main__"), "__file__": &opaque{"__file__"}}
	for name, f := range operators() {
		names[name] = starlark.NewBuiltin(name, f)
	}
	for name, f := range builtins() {
		names[name] = starlark.NewBuiltin(name, f)
	}
	program, err := starlark.FileProgram(tree, names.Has)
	if err != nil {
		return nil, err
	}
	thread := &starlark.Thread{Print: func(*starlark.Thread, string) {}}
	watch(thread)
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { thread.Cancel("it took too long") })
	defer stop()
	return program.Init(thread, names)
}

// watch ends the evaluation with too many steps, and when memory grows too much between some of them.
func watch(thread *starlark.Thread) {
	const stride = 64
	first := heap()
	thread.SetMaxExecutionSteps(stride)
	thread.OnMaxSteps = func(thread *starlark.Thread) {
		switch {
		case thread.Steps > maxSteps:
			thread.Cancel(fmt.Sprintf("it takes more than %d steps", maxSteps))
		case heap() > first+maxHeap:
			thread.Cancel(fmt.Sprintf("it takes more than %d MiB of memory", maxHeap>>20))
		default:
			thread.SetMaxExecutionSteps(thread.Steps + stride)
		}
	}
}

// heap is the memory that objects of this process take.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// cause gives the line and the text of an error of Starlark.
func cause(err error) (int, string) {
	if e, ok := errors.AsType[syntax.Error](err); ok {
		return int(e.Pos.Line), e.Msg
	}
	if list, ok := errors.AsType[resolve.ErrorList](err); ok && len(list) > 0 {
		return int(list[0].Pos.Line), list[0].Msg
	}
	if e, ok := errors.AsType[*starlark.EvalError](err); ok {
		line := 0
		for _, frame := range e.CallStack {
			if frame.Pos.Line > 0 {
				line = int(frame.Pos.Line)
			}
		}
		return line, strings.TrimPrefix(e.Msg, "Starlark computation cancelled: ")
	}
	return 0, err.Error()
}

// mentions gives the line of the first mention of each word that could be a key.
func mentions(tree *syntax.File) map[string]int {
	lines := map[string]int{}
	note := func(word string, at syntax.Position) {
		if _, known := lines[word]; !known {
			lines[word] = int(at.Line)
		}
	}
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DictEntry:
			noteKey(n.Key, note)
		case *syntax.IndexExpr:
			noteKey(n.Y, note)
		case *syntax.BinaryExpr:
			if id, ok := n.X.(*syntax.Ident); ok && n.Op == syntax.EQ {
				note(id.Name, id.NamePos)
			}
		case *syntax.AssignStmt:
			if id, ok := n.LHS.(*syntax.Ident); ok && id.Name == "config" {
				note(id.Name, id.NamePos)
			}
		}
		return true
	})
	return lines
}

func noteKey(key syntax.Expr, note func(string, syntax.Position)) {
	if literal, ok := key.(*syntax.Literal); ok {
		if word, ok := literal.Value.(string); ok {
			note(word, literal.TokenPos)
		}
	}
}
