package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg"
)

// source is what many rows share.
type source struct {
	log       fedmsg.LogID
	sender    string
	signer    string
	verdict   fedmsg.Verdict
	originLog fedmsg.LogID
	notIJSON  bool
}

func sourceOf(e *fedmsg.Entry) source {
	return source{e.Position.Log, e.Sender, e.Signer, e.Verdict, e.Origin.Log, e.NotIJSON}
}

func (s *source) digest() digest {
	strict := ""
	if s.notIJSON {
		strict = "not"
	}
	return digestOf(string(s.log), s.sender, s.signer, string(s.verdict), string(s.originLog), strict)
}

// readSource reads a row of table sources.
func readSource(row pgx.CollectableRow) (n int32, s source, err error) {
	err = row.Scan(&n, &s.log, &s.sender, &s.signer, &s.verdict, &s.originLog, &s.notIJSON)
	s.log, s.sender, s.signer = fedmsg.LogID(plain(string(s.log))), plain(s.sender), plain(s.signer)
	s.verdict, s.originLog = fedmsg.Verdict(plain(string(s.verdict))), fedmsg.LogID(plain(string(s.originLog)))
	return n, s, err
}

// sourceNumber gives a source its number.
func sourceNumber(ctx context.Context, tx pgx.Tx, s source) (int32, error) {
	hash := s.digest()
	n, found, err := first[int32](ctx, tx, "SELECT source FROM sources WHERE hash = $1", hash)
	if err != nil || found {
		return n, err
	}
	n, _, err = first[int32](ctx, tx, `INSERT INTO sources (hash, log, sender, signer, verdict, origin_log, not_ijson)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING source`,
		hash, text(string(s.log)), text(s.sender), text(s.signer), text(string(s.verdict)), text(string(s.originLog)), s.notIJSON)
	return n, err
}
