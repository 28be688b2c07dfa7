package postgres

// migrations gives the statements of each format, those of the first format first. A schema of format n has the first n of them.
// They are never changed once released: a new format is a new one at the end.
func migrations() []string { return []string{format1, format2} }

const format1 = `
CREATE TABLE messages (
  key        bigint NOT NULL,
  seq        bigint,
  origin_seq bigint,
  block      bigint NOT NULL,
  nanos      bigint NOT NULL,
  topic      integer NOT NULL,
  source     integer NOT NULL,
  slot       smallint NOT NULL,
  erased     boolean NOT NULL,
  id         text NOT NULL,
  terms      integer[] NOT NULL,
  PRIMARY KEY (key) INCLUDE (topic)
) PARTITION BY RANGE (key);
CREATE INDEX messages_terms ON messages USING gin (terms) WITH (gin_pending_list_limit = 512);
COMMENT ON TABLE messages IS 'One row for each message, a partition for each month (UTC). What a person wants is easier to read in the view message';
COMMENT ON COLUMN messages.key IS 'microseconds since 1970 of the receipt, raised by one until no other row has it';
COMMENT ON COLUMN messages.seq IS 'number in the log of the source; NULL where the message was imported';
COMMENT ON COLUMN messages.origin_seq IS 'number in the source''s origin_log, where another node had it';
COMMENT ON COLUMN messages.block IS 'blocks.block that holds the envelope';
COMMENT ON COLUMN messages.slot IS 'the place in the block, from 0';
COMMENT ON COLUMN messages.nanos IS 'the exact time of receipt, in nanoseconds since 1970, minus key * 1000';
COMMENT ON COLUMN messages.topic IS 'terms.term';
COMMENT ON COLUMN messages.source IS 'sources.source';
COMMENT ON COLUMN messages.erased IS 'whether the envelope was erased; see redactions';
COMMENT ON COLUMN messages.id IS 'the message''s own id';
COMMENT ON COLUMN messages.terms IS 'terms.term of everything exact by which the message is found; below zero, a hash of a user and a package';

CREATE TABLE ids (
  hash uuid PRIMARY KEY,
  key  bigint NOT NULL
);
COMMENT ON TABLE ids IS 'Rows of messages by the SHA-256 of their ids: in one piece, so that an id is in it once in all time';

CREATE TABLE blocks (
  block  bigint NOT NULL,
  part   smallint NOT NULL,
  slots  smallint NOT NULL,
  size   integer NOT NULL,
  first  bigint NOT NULL,
  last   bigint NOT NULL,
  keys   bigint[] NOT NULL,
  words  integer[] NOT NULL,
  places bytea NOT NULL,
  data   bytea NOT NULL,
  PRIMARY KEY (block, part)
) PARTITION BY RANGE (block);
ALTER TABLE blocks ALTER keys SET STORAGE MAIN, ALTER words SET STORAGE EXTERNAL, ALTER places SET STORAGE EXTERNAL, ALTER data SET STORAGE EXTERNAL;
CREATE INDEX blocks_words ON blocks USING gin (words) WITH (gin_pending_list_limit = 2048);
COMMENT ON TABLE blocks IS 'Envelopes and detached signatures of messages, exactly as they came, and their words: many messages together, because that takes less room';
COMMENT ON COLUMN blocks.block IS 'the key of the first message that came into it, which makes the partition';
COMMENT ON COLUMN blocks.part IS 'the first slot that this row has: a block is in pieces until it is full';
COMMENT ON COLUMN blocks.slots IS 'messages in this row';
COMMENT ON COLUMN blocks.size IS 'bytes of data when it is not compressed';
COMMENT ON COLUMN blocks.keys IS 'messages.key of each slot; first and last are the least and the greatest';
COMMENT ON COLUMN blocks.words IS '32-bit FNV-1a of the words of all messages of the row, sorted';
COMMENT ON COLUMN blocks.places IS 'for each of words, which slots have it: a byte that is the slot, or 255 and 4 bytes of which bit n is slot n, lowest first';
COMMENT ON COLUMN blocks.data IS 'zstd of, for each slot: length of the envelope as a varint, envelope, length of the signatures, signatures';

CREATE TABLE terms (
  term  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind  smallint NOT NULL,
  count bigint NOT NULL,
  hash  uuid NOT NULL UNIQUE,
  name  text NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX terms_topics ON terms (term) WHERE kind = 1;
COMMENT ON TABLE terms IS 'Everything exact by which messages are found, and how many have it';

CREATE TABLE kinds (
  kind smallint PRIMARY KEY,
  name text NOT NULL
);
INSERT INTO kinds VALUES
  (1, 'topic'), (2, 'category'), (3, 'user'), (4, 'package'), (5, 'sender'), (6, 'signer'), (7, 'severity'), (8, 'user and package');
COMMENT ON TABLE kinds IS 'What a term may be about';

CREATE TABLE sources (
  source     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash       uuid NOT NULL UNIQUE,
  log        text NOT NULL,
  sender     text NOT NULL,
  signer     text NOT NULL,
  verdict    text NOT NULL,
  origin_log text NOT NULL,
  not_ijson  boolean NOT NULL
);
COMMENT ON TABLE sources IS 'What many messages share of where they come from';

CREATE TABLE hours (
  kind  smallint NOT NULL,
  hour  integer NOT NULL,
  term  integer NOT NULL,
  count integer NOT NULL,
  PRIMARY KEY (kind, hour, term)
) WITH (fillfactor = 85);
COMMENT ON TABLE hours IS 'How many messages of an hour (since 1970) have a term';

CREATE TABLE days (
  kind  smallint NOT NULL,
  day   integer NOT NULL,
  term  integer NOT NULL,
  count integer NOT NULL,
  PRIMARY KEY (kind, day, term)
) WITH (fillfactor = 85);
COMMENT ON TABLE days IS 'How many messages of a day (UTC, since 1970) have a term';

CREATE TABLE logs (
  log text PRIMARY KEY,
  seq bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE logs IS 'How far each log was taken in, saved together with the rows';

CREATE TABLE redactions (
  key    bigint PRIMARY KEY,
  sha256 text NOT NULL,
  reason text NOT NULL,
  actor  text NOT NULL,
  at     bigint NOT NULL
);
COMMENT ON TABLE redactions IS 'Who erased the envelope of which message, and why';

CREATE FUNCTION key(timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (extract(epoch FROM $1) * 1000000)::bigint;
COMMENT ON FUNCTION key(timestamptz) IS 'The first key of a moment';

CREATE VIEW message AS
  SELECT m.key, timestamptz 'epoch' + m.key * interval '1 microsecond' AS received, m.id, t.name AS topic, s.sender, s.signer, s.verdict,
    s.log || '-' || m.seq AS position, m.erased AS redacted
  FROM messages m JOIN terms t ON t.term = m.topic JOIN sources s ON s.source = m.source;
COMMENT ON VIEW message IS 'All that is known of a message but its payload. Ask it by key, as in WHERE key >= fedmsg.key(now() - interval ''1 day'')';

CREATE FUNCTION keys(kind text, name text) RETURNS SETOF bigint LANGUAGE sql STABLE STRICT ROWS 1000 AS $$
  SELECT m.key FROM fedmsg.messages m WHERE m.terms @> ARRAY[
    (SELECT t.term FROM fedmsg.terms t JOIN fedmsg.kinds k ON k.kind = t.kind WHERE k.name = $1 AND t.name = $2)] $$;
COMMENT ON FUNCTION keys(text, text) IS 'The messages that have a term: SELECT * FROM fedmsg.message WHERE key IN (SELECT fedmsg.keys(''user'', ''ralph''))';

CREATE VIEW per_hour AS
  SELECT k.name AS kind, timestamptz 'epoch' + h.hour * interval '1 hour' AS hour, t.name, h.count
  FROM hours h JOIN kinds k ON k.kind = h.kind JOIN terms t ON t.term = h.term;
CREATE VIEW per_day AS
  SELECT k.name AS kind, date '1970-01-01' + d.day AS day, t.name, d.count
  FROM days d JOIN kinds k ON k.kind = d.kind JOIN terms t ON t.term = d.term;
COMMENT ON VIEW per_day IS 'Numbers of messages: WHERE kind = ''category'' AND day >= ''2026-01-01''';
`

// Format 2 has the hours of a day in its row: a table of its own was a quarter of all, and half of the time of writing.
const format2 = `
DROP VIEW per_hour;
ALTER TABLE hours RENAME TO old_hours;
ALTER TABLE days ADD COLUMN hours bigint[];
UPDATE days d SET hours = o.hours FROM
  (SELECT kind, hour / 24 AS day, term, array_agg((hour % 24)::bigint << 32 | count ORDER BY hour) AS hours FROM old_hours GROUP BY 1, 2, 3) o
  WHERE o.kind = d.kind AND o.day = d.day AND o.term = d.term;
ALTER TABLE days ALTER COLUMN hours SET NOT NULL;
COMMENT ON COLUMN days.count IS 'of the whole day';
COMMENT ON COLUMN days.hours IS 'for each hour of the day that has messages: the hour in bits 32 to 36, and how many below';
DROP TABLE old_hours;
CREATE VIEW hours AS
  SELECT d.kind, d.day, d.day * 24 + (n >> 32)::integer AS hour, d.term, (n & 4294967295)::integer AS count FROM days d, unnest(d.hours) n;
COMMENT ON VIEW hours IS 'How many messages of an hour (since 1970) have a term. Ask it by day, too';
CREATE VIEW per_hour AS
  SELECT k.name AS kind, timestamptz 'epoch' + h.hour * interval '1 hour' AS hour, t.name, h.count
  FROM hours h JOIN kinds k ON k.kind = h.kind JOIN terms t ON t.term = h.term;

CREATE FUNCTION drop_month(month date) RETURNS void LANGUAGE plpgsql STRICT SET search_path = fedmsg SET timezone = 'UTC' AS $$
DECLARE
  begins date := date_trunc('month', month);
  ends   date := begins + interval '1 month';
BEGIN
  PERFORM pg_advisory_xact_lock(1718448744, 0);
  EXECUTE format('DROP TABLE IF EXISTS %I, %I', 'messages_' || to_char(begins, 'YYYYMM'), 'blocks_' || to_char(begins, 'YYYYMM'));
  DELETE FROM ids WHERE ids.key >= key(begins::timestamptz) AND ids.key < key(ends::timestamptz);
  DELETE FROM redactions r WHERE r.key >= key(begins::timestamptz) AND r.key < key(ends::timestamptz);
  UPDATE terms t SET count = t.count - gone.count FROM
    (SELECT d.term, sum(d.count) AS count FROM days d WHERE d.day >= begins - date '1970-01-01' AND d.day < ends - date '1970-01-01' GROUP BY d.term) gone
    WHERE t.term = gone.term;
  DELETE FROM terms t WHERE t.count <= 0 AND t.kind <> 1;
  DELETE FROM days d WHERE d.day >= begins - date '1970-01-01' AND d.day < ends - date '1970-01-01';
END $$;
COMMENT ON FUNCTION drop_month(date) IS 'Drops the messages of a month, and all that is known of them elsewhere: SELECT fedmsg.drop_month(''2020-01-01'')';
`
