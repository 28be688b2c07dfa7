package pyconf

import "go.starlark.net/syntax"

// rewrite has the operators and methods that Python does differently, or that could make something too large, call functions of
// this package. These have names that no file can write: "+", "%", ".format" and so on, see operators.
func rewrite(stmts []syntax.Stmt) {
	for _, s := range stmts {
		switch s := s.(type) {
		case *syntax.AssignStmt:
			s.RHS = rewritten(s.RHS)
			s.LHS = target(s.LHS)
			if name := augmented(s.Op); name != "" {
				s.RHS, s.Op = call(name, s.OpPos, s.LHS, s.RHS), syntax.EQ
			}
		case *syntax.ExprStmt:
			s.X = rewritten(s.X)
		case *syntax.IfStmt:
			s.Cond = rewritten(s.Cond)
			rewrite(s.True)
			rewrite(s.False)
		case *syntax.ForStmt:
			s.X = rewritten(s.X)
			rewrite(s.Body)
		case *syntax.WhileStmt:
			s.Cond = rewritten(s.Cond)
			rewrite(s.Body)
		case *syntax.DefStmt:
			parameters(s.Params)
			rewrite(s.Body)
		case *syntax.ReturnStmt:
			s.Result = rewritten(s.Result)
		}
	}
}

// augmented gives the function for an assignment such as +=.
func augmented(op syntax.Token) string {
	switch op {
	case syntax.PLUS_EQ:
		return "+="
	case syntax.STAR_EQ:
		return "*"
	case syntax.PERCENT_EQ:
		return "%"
	}
	return ""
}

// target rewrites what is assigned to: only what stands inside it is computed.
func target(e syntax.Expr) syntax.Expr {
	switch e := e.(type) {
	case *syntax.IndexExpr:
		e.X, e.Y = rewritten(e.X), rewritten(e.Y)
	case *syntax.DotExpr:
		e.X = rewritten(e.X)
	}
	return e
}

func call(name string, at syntax.Position, args ...syntax.Expr) syntax.Expr {
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: at, Name: name}, Lparen: at, Args: args, Rparen: at}
}

func all(list []syntax.Expr) {
	for i := range list {
		list[i] = rewritten(list[i])
	}
}

// parameters rewrites the defaults of a function.
func parameters(list []syntax.Expr) {
	for _, p := range list {
		if b, ok := p.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
			b.Y = rewritten(b.Y)
		}
	}
}

func rewritten(e syntax.Expr) syntax.Expr {
	switch e := e.(type) {
	case *syntax.BinaryExpr:
		e.Y = rewritten(e.Y)
		if e.Op == syntax.EQ {
			return e // the argument of a call by name
		}
		e.X = rewritten(e.X)
		if name := e.Op.String(); e.Op == syntax.PLUS || e.Op == syntax.STAR || e.Op == syntax.PERCENT {
			return call(name, e.OpPos, e.X, e.Y)
		}
	case *syntax.CallExpr:
		return rewrittenCall(e)
	case *syntax.TupleExpr:
		all(e.List)
		at, _ := e.Span()
		return call("()", at, e)
	case *syntax.ListExpr:
		all(e.List)
	case *syntax.DictExpr:
		return call("{}", e.Lbrace, pairs(e))
	case *syntax.Comprehension:
		if entry, ok := e.Body.(*syntax.DictEntry); ok {
			entry.Key, entry.Value = rewritten(entry.Key), rewritten(entry.Value)
		} else {
			e.Body = rewritten(e.Body)
		}
		for _, c := range e.Clauses {
			switch c := c.(type) {
			case *syntax.ForClause:
				c.X = rewritten(c.X)
			case *syntax.IfClause:
				c.Cond = rewritten(c.Cond)
			}
		}
	case *syntax.CondExpr:
		e.Cond, e.True, e.False = rewritten(e.Cond), rewritten(e.True), rewritten(e.False)
	case *syntax.LambdaExpr:
		parameters(e.Params)
		e.Body = rewritten(e.Body)
	case *syntax.DotExpr:
		e.X = rewritten(e.X)
		e.Name.Name = modern(e.Name.Name)
	case *syntax.IndexExpr:
		e.X, e.Y = rewritten(e.X), rewritten(e.Y)
	case *syntax.SliceExpr:
		e.X, e.Lo, e.Hi, e.Step = rewritten(e.X), rewritten(e.Lo), rewritten(e.Hi), rewritten(e.Step)
	case *syntax.ParenExpr:
		e.X = rewritten(e.X)
	case *syntax.UnaryExpr:
		e.X = rewritten(e.X)
	}
	return e
}

// pairs gives the keys and values of a dict as one list. In Python the last of two equal keys wins, in the other language it is a
// fault.
func pairs(e *syntax.DictExpr) *syntax.ListExpr {
	list := &syntax.ListExpr{Lbrack: e.Lbrace, Rbrack: e.Rbrace}
	for _, x := range e.List {
		if entry, ok := x.(*syntax.DictEntry); ok {
			list.List = append(list.List, rewritten(entry.Key), rewritten(entry.Value))
		}
	}
	return list
}

// rewrittenCall has the methods of [operators] called as functions, with what they are called on before the arguments.
func rewrittenCall(e *syntax.CallExpr) syntax.Expr {
	all(e.Args)
	dot, ok := e.Fn.(*syntax.DotExpr)
	if !ok {
		e.Fn = rewritten(e.Fn)
		return e
	}
	if name := "." + dot.Name.Name; operators()[name] != nil {
		return &syntax.CallExpr{
			Fn: &syntax.Ident{NamePos: dot.NamePos, Name: name}, Lparen: e.Lparen,
			Args: append([]syntax.Expr{rewritten(dot.X)}, e.Args...), Rparen: e.Rparen,
		}
	}
	e.Fn = rewritten(dot)
	return e
}

// modern gives the name that a method of Python 2 has in Python 3.
func modern(method string) string {
	switch method {
	case "iteritems":
		return "items"
	case "iterkeys":
		return "keys"
	case "itervalues":
		return "values"
	}
	return method
}
