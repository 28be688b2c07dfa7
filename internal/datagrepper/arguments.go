package datagrepper

import (
	"math"
	"strconv"

	"github.com/federated-messaging/fedmsg"
)

// appendArguments appends all arguments with the values that they have, in the order of their names.
func (q *request) appendArguments(b []byte) []byte {
	lists := func(names string, values []string) {
		b = append(strconv.AppendQuote(b, names), ':')
		b = append(appendList(b, values), ',')
	}
	number := func(name string, f float64) {
		b = append(strconv.AppendQuote(b, name), ':')
		if math.IsNaN(f) {
			b = append(b, "null,"...)
			return
		}
		b = append(strconv.AppendFloat(b, f, 'f', -1, 64), ',')
	}
	b = append(b, '{')
	lists("agents", q.agents)
	lists("categories", q.categories)
	lists("contains", q.contains)
	number("delta", q.times.delta)
	number("end", q.times.end)
	b = append(b, `"grouped":false,`...)
	lists("meta", q.meta)
	lists("not_agents", q.not.agents)
	lists("not_categories", q.not.categories)
	lists("not_packages", q.not.packages)
	lists("not_topics", q.not.topics)
	lists("not_users", q.not.users)
	b = append(b, `"order":"`+q.order+`",`...)
	lists("packages", q.packages)
	number("page", float64(q.page))
	number("rows_per_page", float64(q.rows))
	number("start", q.times.start)
	lists("topics", q.topics)
	lists("users", q.users)
	b[len(b)-1] = '}'
	return b
}

// appendList appends texts as a list in JSON.
func appendList(b []byte, values []string) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = fedmsg.AppendJSONString(b, v)
	}
	return append(b, ']')
}
