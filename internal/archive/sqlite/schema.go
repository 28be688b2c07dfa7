package sqlite

// applicationID stands in the file's header, so that no other program's database is taken for an archive: "fmsg".
const applicationID = 0x666d7367

// migrations gives the statements of each format, those of the first format first. A file of format n has the first n of them.
// They are never changed once released: a new format is a new one at the end.
//
// The comments stand inside the statements, because that is what SQLite keeps: `sqlite3 FILE .schema` shows them.
func migrations() []string { return []string{format1} }

const format1 = `
CREATE TABLE messages (
  -- One row for each message, in the order of receipt. What a person wants is easier to read in the view message.
  key        INTEGER PRIMARY KEY,  -- microseconds since 1970 of the receipt, raised by one until no other row has it
  id         TEXT NOT NULL UNIQUE, -- the message's own id
  nanos      INTEGER NOT NULL,     -- the exact time of receipt, in nanoseconds since 1970, minus key * 1000
  log        INTEGER,              -- names.name of the LOGID whose number seq is; NULL where the message was imported
  seq        INTEGER,
  topic      INTEGER NOT NULL,     -- terms.term
  sender     INTEGER,              -- names.name; who handed the message in, as KIND:NAME
  signer     INTEGER,              -- names.name; the verified signer, as ROOT/NAME
  verdict    INTEGER,              -- names.name; what verification found
  origin_log INTEGER,              -- names.name and number of where another node had it
  origin_seq INTEGER,
  not_ijson  INTEGER NOT NULL,     -- 1 where the envelope is of the old wire and no I-JSON
  block      INTEGER,              -- blocks.block that holds the envelope; NULL where it was erased
  slot       INTEGER,              -- the place in the block, from 0
  terms      BLOB NOT NULL,        -- postings.term of the row's postings, each as a zigzag varint
  extra      TEXT                  -- words of the row that are not seen in the bytes of topic and envelope (by escapes), or NULL
);
CREATE TABLE blocks (
  -- Envelopes and detached signatures of messages, exactly as they came, many together because that compresses well.
  block INTEGER PRIMARY KEY,
  slots INTEGER NOT NULL, -- messages in it
  size  INTEGER NOT NULL, -- bytes of data when it is not compressed
  data  BLOB NOT NULL     -- zstd of, for each slot: length of the envelope as a varint, envelope, length of the signatures, signatures
);
CREATE TABLE names (
  -- Texts that many rows share.
  name INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
);
CREATE TABLE kinds (
  -- What a term may be about.
  kind INTEGER PRIMARY KEY,
  text TEXT NOT NULL
);
CREATE TABLE terms (
  -- Everything exact by which messages are found, but for pairs of user and package (kind 8): those are too many to be listed,
  -- and their number is a hash of the two, below zero.
  term  INTEGER PRIMARY KEY,
  kind  INTEGER NOT NULL, -- kinds.kind
  name  TEXT NOT NULL,
  count INTEGER NOT NULL, -- messages that have it
  UNIQUE (kind, name)
);
CREATE TABLE postings (
  -- Which messages have a term. ORDER BY key DESC with a LIMIT is quick, however many there are.
  term INTEGER NOT NULL,
  key  INTEGER NOT NULL,
  PRIMARY KEY (term, key)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE text USING fts5(
  -- Which messages have a word: SELECT * FROM message WHERE key IN (SELECT rowid FROM text WHERE text MATCH 'kernel AND update').
  words, content='', columnsize=0, detail=none, tokenize='ascii'
);
CREATE TABLE hours (
  -- How many messages of an hour have a term.
  kind  INTEGER NOT NULL, -- kinds.kind of the term
  hour  INTEGER NOT NULL, -- since 1970
  term  INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (kind, hour, term)
) WITHOUT ROWID;
CREATE TABLE days (
  -- How many messages of a day (UTC) have a term.
  kind  INTEGER NOT NULL, -- kinds.kind of the term
  day   INTEGER NOT NULL, -- since 1970
  term  INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (kind, day, term)
) WITHOUT ROWID;
CREATE TABLE logs (
  -- How far each log was taken in, saved together with the rows.
  log TEXT PRIMARY KEY,  -- LOGID
  seq INTEGER NOT NULL   -- number of the last entry that was taken in
) WITHOUT ROWID;
CREATE TABLE redactions (
  -- Who erased the payload of which message, and why.
  key    INTEGER PRIMARY KEY, -- messages.key
  sha256 TEXT NOT NULL,       -- of the envelope that was erased, in hex
  reason TEXT NOT NULL,
  actor  TEXT NOT NULL,       -- who asked for it
  at     INTEGER NOT NULL     -- nanoseconds since 1970
);
INSERT INTO kinds (kind, text) VALUES
  (1, 'topic'), (2, 'category'), (3, 'user'), (4, 'package'), (5, 'sender'), (6, 'signer'), (7, 'severity'), (8, 'user and package');
INSERT INTO text (text, rank) VALUES ('automerge', 8);
INSERT INTO text (text, rank) VALUES ('hashsize', 16777216); -- a large batch is one piece of the index then: half as much is merged
CREATE VIEW message AS
  -- All that is known of a message but its payload. Ask it by key, id or received; by topic, user and the like ask the views below.
  SELECT m.key, strftime('%Y-%m-%dT%H:%M:%f', m.key / 1000000.0, 'unixepoch') || 'Z' AS received, m.id, t.name AS topic,
    s.text AS sender, g.text AS signer, v.text AS verdict, l.text || '-' || m.seq AS position, m.block IS NULL AS redacted
  FROM messages m JOIN terms t ON t.term = m.topic LEFT JOIN names s ON s.name = m.sender LEFT JOIN names g ON g.name = m.signer
    LEFT JOIN names v ON v.name = m.verdict LEFT JOIN names l ON l.name = m.log;
CREATE VIEW message_term AS
  -- Messages by anything exact: WHERE kind = 'user' AND name = 'ralph' ORDER BY key DESC LIMIT 10.
  SELECT k.text AS kind, w.name AS name, p.key AS key, m.received, m.id, m.topic, m.sender, m.signer, m.verdict, m.position, m.redacted
  FROM kinds k JOIN terms w ON w.kind = k.kind JOIN postings p ON p.term = w.term JOIN message m ON m.key = p.key;
CREATE VIEW message_category AS
  SELECT name AS category, key, received, id, topic, sender, signer, verdict, position, redacted FROM message_term WHERE kind = 'category';
CREATE VIEW message_user AS
  SELECT name AS user, key, received, id, topic, sender, signer, verdict, position, redacted FROM message_term WHERE kind = 'user';
CREATE VIEW message_package AS
  SELECT name AS package, key, received, id, topic, sender, signer, verdict, position, redacted FROM message_term WHERE kind = 'package';
CREATE VIEW per_hour AS
  -- Numbers of messages: WHERE kind = 'category' AND hour >= '2026-01-01'.
  SELECT k.text AS kind, strftime('%Y-%m-%d %H:00', h.hour * 3600, 'unixepoch') AS hour, t.name AS name, h.count AS count
  FROM hours h JOIN kinds k ON k.kind = h.kind JOIN terms t ON t.term = h.term;
CREATE VIEW per_day AS
  -- Numbers of messages: WHERE kind = 'category' AND day >= '2026-01-01'.
  SELECT k.text AS kind, strftime('%Y-%m-%d', d.day * 86400, 'unixepoch') AS day, t.name AS name, d.count AS count
  FROM days d JOIN kinds k ON k.kind = d.kind JOIN terms t ON t.term = d.term;
`
