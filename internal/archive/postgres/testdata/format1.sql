SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA fedmsg;
CREATE FUNCTION fedmsg.key(timestamp with time zone) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ((EXTRACT(epoch FROM $1) * (1000000)::numeric))::bigint;
COMMENT ON FUNCTION fedmsg.key(timestamp with time zone) IS 'The first key of a moment';
CREATE FUNCTION fedmsg.keys(kind text, name text) RETURNS SETOF bigint
    LANGUAGE sql STABLE STRICT
    AS $_$
  SELECT m.key FROM fedmsg.messages m WHERE m.terms @> ARRAY[
    (SELECT t.term FROM fedmsg.terms t JOIN fedmsg.kinds k ON k.kind = t.kind WHERE k.name = $1 AND t.name = $2)] $_$;
COMMENT ON FUNCTION fedmsg.keys(kind text, name text) IS 'The messages that have a term: SELECT * FROM fedmsg.message WHERE key IN (SELECT fedmsg.keys(''user'', ''ralph''))';
SET default_tablespace = '';
CREATE TABLE fedmsg.blocks (
    block bigint NOT NULL,
    part smallint NOT NULL,
    slots smallint NOT NULL,
    size integer NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    keys bigint[] NOT NULL,
    words integer[] NOT NULL,
    places bytea NOT NULL,
    data bytea NOT NULL
)
PARTITION BY RANGE (block);
ALTER TABLE ONLY fedmsg.blocks ALTER COLUMN keys SET STORAGE MAIN;
ALTER TABLE ONLY fedmsg.blocks ALTER COLUMN words SET STORAGE EXTERNAL;
ALTER TABLE ONLY fedmsg.blocks ALTER COLUMN places SET STORAGE EXTERNAL;
ALTER TABLE ONLY fedmsg.blocks ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE fedmsg.blocks IS 'Envelopes and detached signatures of messages, exactly as they came, and their words: many messages together, because that takes less room';
COMMENT ON COLUMN fedmsg.blocks.block IS 'the key of the first message that came into it, which makes the partition';
COMMENT ON COLUMN fedmsg.blocks.part IS 'the first slot that this row has: a block is in pieces until it is full';
COMMENT ON COLUMN fedmsg.blocks.slots IS 'messages in this row';
COMMENT ON COLUMN fedmsg.blocks.size IS 'bytes of data when it is not compressed';
COMMENT ON COLUMN fedmsg.blocks.keys IS 'messages.key of each slot; first and last are the least and the greatest';
COMMENT ON COLUMN fedmsg.blocks.words IS '32-bit FNV-1a of the words of all messages of the row, sorted';
COMMENT ON COLUMN fedmsg.blocks.places IS 'for each of words, which slots have it: a byte that is the slot, or 255 and 4 bytes of which bit n is slot n, lowest first';
COMMENT ON COLUMN fedmsg.blocks.data IS 'zstd of, for each slot: length of the envelope as a varint, envelope, length of the signatures, signatures';
SET default_table_access_method = heap;
CREATE TABLE fedmsg.blocks_202601 (
    block bigint NOT NULL,
    part smallint NOT NULL,
    slots smallint NOT NULL,
    size integer NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    keys bigint[] NOT NULL,
    words integer[] NOT NULL,
    places bytea NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE ONLY fedmsg.blocks_202601 ALTER COLUMN keys SET STORAGE MAIN;
ALTER TABLE ONLY fedmsg.blocks_202601 ALTER COLUMN words SET STORAGE EXTERNAL;
ALTER TABLE ONLY fedmsg.blocks_202601 ALTER COLUMN places SET STORAGE EXTERNAL;
ALTER TABLE ONLY fedmsg.blocks_202601 ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON COLUMN fedmsg.blocks_202601.block IS 'the key of the first message that came into it, which makes the partition';
COMMENT ON COLUMN fedmsg.blocks_202601.part IS 'the first slot that this row has: a block is in pieces until it is full';
COMMENT ON COLUMN fedmsg.blocks_202601.slots IS 'messages in this row';
COMMENT ON COLUMN fedmsg.blocks_202601.size IS 'bytes of data when it is not compressed';
COMMENT ON COLUMN fedmsg.blocks_202601.keys IS 'messages.key of each slot; first and last are the least and the greatest';
COMMENT ON COLUMN fedmsg.blocks_202601.words IS '32-bit FNV-1a of the words of all messages of the row, sorted';
COMMENT ON COLUMN fedmsg.blocks_202601.places IS 'for each of words, which slots have it: a byte that is the slot, or 255 and 4 bytes of which bit n is slot n, lowest first';
COMMENT ON COLUMN fedmsg.blocks_202601.data IS 'zstd of, for each slot: length of the envelope as a varint, envelope, length of the signatures, signatures';
CREATE TABLE fedmsg.blocks_202602 (
    block bigint NOT NULL,
    part smallint NOT NULL,
    slots smallint NOT NULL,
    size integer NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    keys bigint[] NOT NULL,
    words integer[] NOT NULL,
    places bytea NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE ONLY fedmsg.blocks_202602 ALTER COLUMN keys SET STORAGE MAIN;
ALTER TABLE ONLY fedmsg.blocks_202602 ALTER COLUMN words SET STORAGE EXTERNAL;
ALTER TABLE ONLY fedmsg.blocks_202602 ALTER COLUMN places SET STORAGE EXTERNAL;
ALTER TABLE ONLY fedmsg.blocks_202602 ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON COLUMN fedmsg.blocks_202602.block IS 'the key of the first message that came into it, which makes the partition';
COMMENT ON COLUMN fedmsg.blocks_202602.part IS 'the first slot that this row has: a block is in pieces until it is full';
COMMENT ON COLUMN fedmsg.blocks_202602.slots IS 'messages in this row';
COMMENT ON COLUMN fedmsg.blocks_202602.size IS 'bytes of data when it is not compressed';
COMMENT ON COLUMN fedmsg.blocks_202602.keys IS 'messages.key of each slot; first and last are the least and the greatest';
COMMENT ON COLUMN fedmsg.blocks_202602.words IS '32-bit FNV-1a of the words of all messages of the row, sorted';
COMMENT ON COLUMN fedmsg.blocks_202602.places IS 'for each of words, which slots have it: a byte that is the slot, or 255 and 4 bytes of which bit n is slot n, lowest first';
COMMENT ON COLUMN fedmsg.blocks_202602.data IS 'zstd of, for each slot: length of the envelope as a varint, envelope, length of the signatures, signatures';
CREATE TABLE fedmsg.days (
    kind smallint NOT NULL,
    day integer NOT NULL,
    term integer NOT NULL,
    count integer NOT NULL
)
WITH (fillfactor='85');
COMMENT ON TABLE fedmsg.days IS 'How many messages of a day (UTC, since 1970) have a term';
CREATE TABLE fedmsg.format (
    format integer NOT NULL
);
COMMENT ON TABLE fedmsg.format IS 'The format of this schema; a program that knows only older ones does not touch it';
CREATE TABLE fedmsg.hours (
    kind smallint NOT NULL,
    hour integer NOT NULL,
    term integer NOT NULL,
    count integer NOT NULL
)
WITH (fillfactor='85');
COMMENT ON TABLE fedmsg.hours IS 'How many messages of an hour (since 1970) have a term';
CREATE TABLE fedmsg.ids (
    hash uuid NOT NULL,
    key bigint NOT NULL
);
COMMENT ON TABLE fedmsg.ids IS 'Rows of messages by the SHA-256 of their ids: in one piece, so that an id is in it once in all time';
CREATE TABLE fedmsg.kinds (
    kind smallint NOT NULL,
    name text NOT NULL
);
COMMENT ON TABLE fedmsg.kinds IS 'What a term may be about';
CREATE TABLE fedmsg.logs (
    log text NOT NULL,
    seq bigint NOT NULL
)
WITH (fillfactor='50');
COMMENT ON TABLE fedmsg.logs IS 'How far each log was taken in, saved together with the rows';
CREATE TABLE fedmsg.messages (
    key bigint NOT NULL,
    seq bigint,
    origin_seq bigint,
    block bigint NOT NULL,
    nanos bigint NOT NULL,
    topic integer NOT NULL,
    source integer NOT NULL,
    slot smallint NOT NULL,
    erased boolean NOT NULL,
    id text NOT NULL,
    terms integer[] NOT NULL
)
PARTITION BY RANGE (key);
COMMENT ON TABLE fedmsg.messages IS 'One row for each message, a partition for each month (UTC). What a person wants is easier to read in the view message';
COMMENT ON COLUMN fedmsg.messages.key IS 'microseconds since 1970 of the receipt, raised by one until no other row has it';
COMMENT ON COLUMN fedmsg.messages.seq IS 'number in the log of the source; NULL where the message was imported';
COMMENT ON COLUMN fedmsg.messages.origin_seq IS 'number in the source''s origin_log, where another node had it';
COMMENT ON COLUMN fedmsg.messages.block IS 'blocks.block that holds the envelope';
COMMENT ON COLUMN fedmsg.messages.nanos IS 'the exact time of receipt, in nanoseconds since 1970, minus key * 1000';
COMMENT ON COLUMN fedmsg.messages.topic IS 'terms.term';
COMMENT ON COLUMN fedmsg.messages.source IS 'sources.source';
COMMENT ON COLUMN fedmsg.messages.slot IS 'the place in the block, from 0';
COMMENT ON COLUMN fedmsg.messages.erased IS 'whether the envelope was erased; see redactions';
COMMENT ON COLUMN fedmsg.messages.id IS 'the message''s own id';
COMMENT ON COLUMN fedmsg.messages.terms IS 'terms.term of everything exact by which the message is found; below zero, a hash of a user and a package';
CREATE TABLE fedmsg.sources (
    source integer NOT NULL,
    hash uuid NOT NULL,
    log text NOT NULL,
    sender text NOT NULL,
    signer text NOT NULL,
    verdict text NOT NULL,
    origin_log text NOT NULL,
    not_ijson boolean NOT NULL
);
COMMENT ON TABLE fedmsg.sources IS 'What many messages share of where they come from';
CREATE TABLE fedmsg.terms (
    term integer NOT NULL,
    kind smallint NOT NULL,
    count bigint NOT NULL,
    hash uuid NOT NULL,
    name text NOT NULL
)
WITH (fillfactor='70');
COMMENT ON TABLE fedmsg.terms IS 'Everything exact by which messages are found, and how many have it';
CREATE VIEW fedmsg.message AS
 SELECT m.key,
    ('1970-01-01 00:00:00+00'::timestamp with time zone + ((m.key)::double precision * '00:00:00.000001'::interval)) AS received,
    m.id,
    t.name AS topic,
    s.sender,
    s.signer,
    s.verdict,
    ((s.log || '-'::text) || m.seq) AS "position",
    m.erased AS redacted
   FROM ((fedmsg.messages m
     JOIN fedmsg.terms t ON ((t.term = m.topic)))
     JOIN fedmsg.sources s ON ((s.source = m.source)));
COMMENT ON VIEW fedmsg.message IS 'All that is known of a message but its payload. Ask it by key, as in WHERE key >= fedmsg.key(now() - interval ''1 day'')';
CREATE TABLE fedmsg.messages_202601 (
    key bigint NOT NULL,
    seq bigint,
    origin_seq bigint,
    block bigint NOT NULL,
    nanos bigint NOT NULL,
    topic integer NOT NULL,
    source integer NOT NULL,
    slot smallint NOT NULL,
    erased boolean NOT NULL,
    id text NOT NULL,
    terms integer[] NOT NULL
);
COMMENT ON COLUMN fedmsg.messages_202601.key IS 'microseconds since 1970 of the receipt, raised by one until no other row has it';
COMMENT ON COLUMN fedmsg.messages_202601.seq IS 'number in the log of the source; NULL where the message was imported';
COMMENT ON COLUMN fedmsg.messages_202601.origin_seq IS 'number in the source''s origin_log, where another node had it';
COMMENT ON COLUMN fedmsg.messages_202601.block IS 'blocks.block that holds the envelope';
COMMENT ON COLUMN fedmsg.messages_202601.nanos IS 'the exact time of receipt, in nanoseconds since 1970, minus key * 1000';
COMMENT ON COLUMN fedmsg.messages_202601.topic IS 'terms.term';
COMMENT ON COLUMN fedmsg.messages_202601.source IS 'sources.source';
COMMENT ON COLUMN fedmsg.messages_202601.slot IS 'the place in the block, from 0';
COMMENT ON COLUMN fedmsg.messages_202601.erased IS 'whether the envelope was erased; see redactions';
COMMENT ON COLUMN fedmsg.messages_202601.id IS 'the message''s own id';
COMMENT ON COLUMN fedmsg.messages_202601.terms IS 'terms.term of everything exact by which the message is found; below zero, a hash of a user and a package';
CREATE TABLE fedmsg.messages_202602 (
    key bigint NOT NULL,
    seq bigint,
    origin_seq bigint,
    block bigint NOT NULL,
    nanos bigint NOT NULL,
    topic integer NOT NULL,
    source integer NOT NULL,
    slot smallint NOT NULL,
    erased boolean NOT NULL,
    id text NOT NULL,
    terms integer[] NOT NULL
);
COMMENT ON COLUMN fedmsg.messages_202602.key IS 'microseconds since 1970 of the receipt, raised by one until no other row has it';
COMMENT ON COLUMN fedmsg.messages_202602.seq IS 'number in the log of the source; NULL where the message was imported';
COMMENT ON COLUMN fedmsg.messages_202602.origin_seq IS 'number in the source''s origin_log, where another node had it';
COMMENT ON COLUMN fedmsg.messages_202602.block IS 'blocks.block that holds the envelope';
COMMENT ON COLUMN fedmsg.messages_202602.nanos IS 'the exact time of receipt, in nanoseconds since 1970, minus key * 1000';
COMMENT ON COLUMN fedmsg.messages_202602.topic IS 'terms.term';
COMMENT ON COLUMN fedmsg.messages_202602.source IS 'sources.source';
COMMENT ON COLUMN fedmsg.messages_202602.slot IS 'the place in the block, from 0';
COMMENT ON COLUMN fedmsg.messages_202602.erased IS 'whether the envelope was erased; see redactions';
COMMENT ON COLUMN fedmsg.messages_202602.id IS 'the message''s own id';
COMMENT ON COLUMN fedmsg.messages_202602.terms IS 'terms.term of everything exact by which the message is found; below zero, a hash of a user and a package';
CREATE VIEW fedmsg.per_day AS
 SELECT k.name AS kind,
    ('1970-01-01'::date + d.day) AS day,
    t.name,
    d.count
   FROM ((fedmsg.days d
     JOIN fedmsg.kinds k ON ((k.kind = d.kind)))
     JOIN fedmsg.terms t ON ((t.term = d.term)));
COMMENT ON VIEW fedmsg.per_day IS 'Numbers of messages: WHERE kind = ''category'' AND day >= ''2026-01-01''';
CREATE VIEW fedmsg.per_hour AS
 SELECT k.name AS kind,
    ('1970-01-01 00:00:00+00'::timestamp with time zone + ((h.hour)::double precision * '01:00:00'::interval)) AS hour,
    t.name,
    h.count
   FROM ((fedmsg.hours h
     JOIN fedmsg.kinds k ON ((k.kind = h.kind)))
     JOIN fedmsg.terms t ON ((t.term = h.term)));
CREATE TABLE fedmsg.redactions (
    key bigint NOT NULL,
    sha256 text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    at bigint NOT NULL
);
COMMENT ON TABLE fedmsg.redactions IS 'Who erased the envelope of which message, and why';
ALTER TABLE fedmsg.sources ALTER COLUMN source ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME fedmsg.sources_source_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE fedmsg.terms ALTER COLUMN term ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME fedmsg.terms_term_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY fedmsg.blocks ATTACH PARTITION fedmsg.blocks_202601 FOR VALUES FROM ('1767225600000000') TO ('1769904000000000');
ALTER TABLE ONLY fedmsg.blocks ATTACH PARTITION fedmsg.blocks_202602 FOR VALUES FROM ('1769904000000000') TO ('1772323200000000');
ALTER TABLE ONLY fedmsg.messages ATTACH PARTITION fedmsg.messages_202601 FOR VALUES FROM ('1767225600000000') TO ('1769904000000000');
ALTER TABLE ONLY fedmsg.messages ATTACH PARTITION fedmsg.messages_202602 FOR VALUES FROM ('1769904000000000') TO ('1772323200000000');
INSERT INTO fedmsg.blocks_202601 VALUES (1769903400000000, 0, 10, 461, 1769903400000000, 1769903940000000, '{1769903400000000,1769903460000000,1769903520000000,1769903580000000,1769903640000000,1769903700000000,1769903760000000,1769903820000000,1769903880000000,1769903940000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,1063600981,1063748076,1063895171,1064483551,1064733814,1332631265,1332778360,1333322813,1333469908,1412086891,1618501362,1788406269}', '\xfff7030000fff7030000fff7030000fff7030000fff7030000000102060704050809fff7030000fff7030000fff7030000', '\x28b52ffd4400cd007503009284101790b10a6f7aefdfa86a6c0ccf705cb84218b97f4a26c7c9a5fbec5c6b8cada5946a4128b3749f4fd2e4ef8597f0cd0bc011bcefdf00038f7b0222372769ee8dc70c12000029403e80644016803c203340240d0aa03d80644016406e0d90014100f2ac9219ab8818ab29283d4ae008');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 0, 1, 51, 1769904000000000, 1769904000000000, '{1769904000000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,1236473976,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313434302c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134343077227d7d0000aa75c8');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 1, 1, 51, 1769904060000000, 1769904060000000, '{1769904060000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,1236326881,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313434312c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134343177227d7d00e0c90eab');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 2, 1, 51, 1769904120000000, 1769904120000000, '{1769904120000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,968429430,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313434322c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134343277227d7d00e9f431ac');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 3, 1, 51, 1769904180000000, 1769904180000000, '{1769904180000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,968179167,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313434332c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134343377227d7d003208de0d');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 4, 1, 51, 1769904240000000, 1769904240000000, '{1769904240000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,967443692,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313434342c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134343477227d7d004d69db7f');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 5, 1, 51, 1769904300000000, 1769904300000000, '{1769904300000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,967296597,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313434352c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134343577227d7d003a618f73');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 6, 1, 51, 1769904360000000, 1769904360000000, '{1769904360000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,1236179786,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313434362c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134343677227d7d00b7363b32');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 7, 1, 51, 1769904420000000, 1769904420000000, '{1769904420000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,967590787,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313434372c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134343777227d7d0010991875');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 8, 1, 51, 1769904480000000, 1769904480000000, '{1769904480000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,969312000,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313434382c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134343877227d7d00379a0746');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 9, 1, 51, 1769904540000000, 1769904540000000, '{1769904540000000}', '{-2022703139,-1947058527,-1675759527,-314691212,546414872,969164905,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313434392c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134343977227d7d000201751c');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 10, 1, 51, 1769904600000000, 1769904600000000, '{1769904600000000}', '{-2022703139,-1947058527,-1675759527,-853822093,-314691212,546414872,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313435302c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134353077227d7d0048b367a2');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 11, 1, 51, 1769904660000000, 1769904660000000, '{1769904660000000}', '{-2022703139,-1947058527,-1675759527,-585233094,-314691212,546414872,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313435312c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134353177227d7d007ca3607b');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 12, 1, 51, 1769904720000000, 1769904720000000, '{1769904720000000}', '{-2022703139,-1947058527,-1675759527,-854116283,-314691212,546414872,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313435322c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134353277227d7d00864d6aa0');
INSERT INTO fedmsg.blocks_202602 VALUES (1769904000000000, 13, 1, 51, 1769904780000000, 1769904780000000, '{1769904780000000}', '{-2022703139,-1947058527,-1675759527,-853969188,-314691212,546414872,1412086891,1618501362,1788406269}', '\x000000000000000000', '\x28b52ffd0400990100317b2269223a313435332c226d7367223a7b2275736572223a2272616c7068222c22776f7264223a22773134353377227d7d00ada7369d');
INSERT INTO fedmsg.days VALUES (1, 20484, 1, 10);
INSERT INTO fedmsg.days VALUES (2, 20484, 2, 10);
INSERT INTO fedmsg.days VALUES (1, 20485, 1, 14);
INSERT INTO fedmsg.days VALUES (2, 20485, 2, 14);
INSERT INTO fedmsg.days VALUES (3, 20485, 3, 14);
INSERT INTO fedmsg.days VALUES (5, 20485, 4, 14);
INSERT INTO fedmsg.days VALUES (5, 20485, 5, 14);
INSERT INTO fedmsg.days VALUES (3, 20484, 3, 9);
INSERT INTO fedmsg.days VALUES (5, 20484, 4, 9);
INSERT INTO fedmsg.days VALUES (5, 20484, 5, 9);
INSERT INTO fedmsg.format VALUES (1);
INSERT INTO fedmsg.hours VALUES (1, 491639, 1, 10);
INSERT INTO fedmsg.hours VALUES (2, 491639, 2, 10);
INSERT INTO fedmsg.hours VALUES (1, 491640, 1, 14);
INSERT INTO fedmsg.hours VALUES (2, 491640, 2, 14);
INSERT INTO fedmsg.hours VALUES (3, 491640, 3, 14);
INSERT INTO fedmsg.hours VALUES (5, 491640, 4, 14);
INSERT INTO fedmsg.hours VALUES (5, 491640, 5, 14);
INSERT INTO fedmsg.hours VALUES (3, 491639, 3, 9);
INSERT INTO fedmsg.hours VALUES (5, 491639, 4, 9);
INSERT INTO fedmsg.hours VALUES (5, 491639, 5, 9);
INSERT INTO fedmsg.ids VALUES ('db68b3c7-4148-b458-caea-e7b154145603', 1769903400000000);
INSERT INTO fedmsg.ids VALUES ('3b986911-d312-85c2-ac44-fe6091c8078b', 1769903460000000);
INSERT INTO fedmsg.ids VALUES ('604b441f-b61b-432b-73eb-cb24fa22dfc8', 1769903520000000);
INSERT INTO fedmsg.ids VALUES ('e931ceb4-0212-df93-f24b-7094d1dfc48b', 1769903580000000);
INSERT INTO fedmsg.ids VALUES ('571e71ef-1c55-8cea-44b2-3be6078939d2', 1769903640000000);
INSERT INTO fedmsg.ids VALUES ('3650bed9-1862-54dc-ca52-5ee9ea8165ed', 1769903700000000);
INSERT INTO fedmsg.ids VALUES ('9c51adc0-7370-c141-bd84-aa567a3397fc', 1769903760000000);
INSERT INTO fedmsg.ids VALUES ('7bb8e80e-1426-09a1-37c5-aea806b9f2d1', 1769903820000000);
INSERT INTO fedmsg.ids VALUES ('1d1d3888-0bc9-042b-5380-fe42caafae61', 1769903880000000);
INSERT INTO fedmsg.ids VALUES ('e7ddee23-3b92-7d72-c6ff-47a2f79c9670', 1769903940000000);
INSERT INTO fedmsg.ids VALUES ('97562f63-544a-727d-f848-2779bf67218c', 1769904000000000);
INSERT INTO fedmsg.ids VALUES ('e6dc87ac-1b7c-f489-594d-0febfa584765', 1769904060000000);
INSERT INTO fedmsg.ids VALUES ('547fd73f-1c4a-ca2f-245e-29c30ad72dd6', 1769904120000000);
INSERT INTO fedmsg.ids VALUES ('a1e44479-35c0-2b51-ec86-8699cd0000d3', 1769904180000000);
INSERT INTO fedmsg.ids VALUES ('b5030474-5395-802c-8574-ae39d0b6842d', 1769904240000000);
INSERT INTO fedmsg.ids VALUES ('ae7ae27e-d0f9-78db-683f-77f0568df866', 1769904300000000);
INSERT INTO fedmsg.ids VALUES ('1348d459-af80-f0cf-c607-c65565a93b76', 1769904360000000);
INSERT INTO fedmsg.ids VALUES ('6ba9f8c4-2ef1-d8e6-8eba-749d4320473a', 1769904420000000);
INSERT INTO fedmsg.ids VALUES ('ea143b6b-adf2-c3a8-2118-069c5e61a9e9', 1769904480000000);
INSERT INTO fedmsg.ids VALUES ('d523e666-13c8-410e-603e-69b349cd7869', 1769904540000000);
INSERT INTO fedmsg.ids VALUES ('30571970-ecb7-f778-d54f-6b9a740de32f', 1769904600000000);
INSERT INTO fedmsg.ids VALUES ('e117df8a-f74d-e7e1-c572-100191a769a2', 1769904660000000);
INSERT INTO fedmsg.ids VALUES ('28f7348e-0e7a-e3f0-044c-9facf226f8c8', 1769904720000000);
INSERT INTO fedmsg.ids VALUES ('0fa57a6a-f33d-5e18-fda1-030c035618ce', 1769904780000000);
INSERT INTO fedmsg.kinds VALUES (1, 'topic');
INSERT INTO fedmsg.kinds VALUES (2, 'category');
INSERT INTO fedmsg.kinds VALUES (3, 'user');
INSERT INTO fedmsg.kinds VALUES (4, 'package');
INSERT INTO fedmsg.kinds VALUES (5, 'sender');
INSERT INTO fedmsg.kinds VALUES (6, 'signer');
INSERT INTO fedmsg.kinds VALUES (7, 'severity');
INSERT INTO fedmsg.kinds VALUES (8, 'user and package');
INSERT INTO fedmsg.logs VALUES ('aaaaaaaaaaaa', 1453);
INSERT INTO fedmsg.messages_202601 VALUES (1769903400000000, 1430, NULL, 1769903400000000, 0, 1, 1, 0, false, 'id-1430', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202601 VALUES (1769903460000000, 1431, NULL, 1769903400000000, 0, 1, 1, 1, false, 'id-1431', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202601 VALUES (1769903520000000, 1432, NULL, 1769903400000000, 0, 1, 1, 2, false, 'id-1432', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202601 VALUES (1769903640000000, 1434, NULL, 1769903400000000, 0, 1, 1, 4, false, 'id-1434', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202601 VALUES (1769903700000000, 1435, NULL, 1769903400000000, 0, 1, 1, 5, false, 'id-1435', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202601 VALUES (1769903760000000, 1436, NULL, 1769903400000000, 0, 1, 1, 6, false, 'id-1436', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202601 VALUES (1769903820000000, 1437, NULL, 1769903400000000, 0, 1, 1, 7, false, 'id-1437', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202601 VALUES (1769903880000000, 1438, NULL, 1769903400000000, 0, 1, 1, 8, false, 'id-1438', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202601 VALUES (1769903940000000, 1439, NULL, 1769903400000000, 0, 1, 1, 9, false, 'id-1439', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202601 VALUES (1769903580000000, 1433, NULL, 1769903400000000, 0, 1, 2, 3, true, 'id-1433', '{1,2}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904000000000, 1440, NULL, 1769904000000000, 0, 1, 1, 0, false, 'id-1440', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904060000000, 1441, NULL, 1769904000000000, 0, 1, 1, 1, false, 'id-1441', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904120000000, 1442, NULL, 1769904000000000, 0, 1, 1, 2, false, 'id-1442', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904180000000, 1443, NULL, 1769904000000000, 0, 1, 1, 3, false, 'id-1443', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904240000000, 1444, NULL, 1769904000000000, 0, 1, 1, 4, false, 'id-1444', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904300000000, 1445, NULL, 1769904000000000, 0, 1, 1, 5, false, 'id-1445', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904360000000, 1446, NULL, 1769904000000000, 0, 1, 1, 6, false, 'id-1446', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904420000000, 1447, NULL, 1769904000000000, 0, 1, 1, 7, false, 'id-1447', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904480000000, 1448, NULL, 1769904000000000, 0, 1, 1, 8, false, 'id-1448', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904540000000, 1449, NULL, 1769904000000000, 0, 1, 1, 9, false, 'id-1449', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904600000000, 1450, NULL, 1769904000000000, 0, 1, 1, 10, false, 'id-1450', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904660000000, 1451, NULL, 1769904000000000, 0, 1, 1, 11, false, 'id-1451', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904720000000, 1452, NULL, 1769904000000000, 0, 1, 1, 12, false, 'id-1452', '{1,2,3,4,5}');
INSERT INTO fedmsg.messages_202602 VALUES (1769904780000000, 1453, NULL, 1769904000000000, 0, 1, 1, 13, false, 'id-1453', '{1,2,3,4,5}');
INSERT INTO fedmsg.redactions VALUES (1769903580000000, 'abababababababababababababababababababababababababababababababab', 'a secret', 'uid:0', 1769900000000000000);
INSERT INTO fedmsg.sources OVERRIDING SYSTEM VALUE VALUES (1, 'fdf1f36b-8d03-c3e1-88f4-1f394a10ab5a', 'aaaaaaaaaaaa', 'uid:7', '', 'unsigned', '', false);
INSERT INTO fedmsg.sources OVERRIDING SYSTEM VALUE VALUES (2, '55d5d5f4-8b31-aa53-08c8-b44de05b323e', 'aaaaaaaaaaaa', '', '', '', '', false);
INSERT INTO fedmsg.terms OVERRIDING SYSTEM VALUE VALUES (3, 3, 23, '5bc31ed9-0da8-c0f7-fc66-3d0cb1de63c1', 'ralph');
INSERT INTO fedmsg.terms OVERRIDING SYSTEM VALUE VALUES (4, 5, 23, 'f702400d-4d46-a5dd-fda9-0f5502be73af', 'uid');
INSERT INTO fedmsg.terms OVERRIDING SYSTEM VALUE VALUES (5, 5, 23, '031d5f15-82a2-c4fe-dcc4-eaf4837c922f', 'uid:7');
INSERT INTO fedmsg.terms OVERRIDING SYSTEM VALUE VALUES (1, 1, 24, 'f700697f-6cd0-4220-b14e-7302fb06a34b', 'org.example.prod.git.push');
INSERT INTO fedmsg.terms OVERRIDING SYSTEM VALUE VALUES (2, 2, 24, '562b7f72-071d-210f-14e4-71d76392b666', 'git');
SELECT pg_catalog.setval('fedmsg.sources_source_seq', 2, true);
SELECT pg_catalog.setval('fedmsg.terms_term_seq', 5, true);
ALTER TABLE ONLY fedmsg.blocks
    ADD CONSTRAINT blocks_pkey PRIMARY KEY (block, part);
ALTER TABLE ONLY fedmsg.blocks_202601
    ADD CONSTRAINT blocks_202601_pkey PRIMARY KEY (block, part);
ALTER TABLE ONLY fedmsg.blocks_202602
    ADD CONSTRAINT blocks_202602_pkey PRIMARY KEY (block, part);
ALTER TABLE ONLY fedmsg.days
    ADD CONSTRAINT days_pkey PRIMARY KEY (kind, day, term);
ALTER TABLE ONLY fedmsg.hours
    ADD CONSTRAINT hours_pkey PRIMARY KEY (kind, hour, term);
ALTER TABLE ONLY fedmsg.ids
    ADD CONSTRAINT ids_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY fedmsg.kinds
    ADD CONSTRAINT kinds_pkey PRIMARY KEY (kind);
ALTER TABLE ONLY fedmsg.logs
    ADD CONSTRAINT logs_pkey PRIMARY KEY (log);
ALTER TABLE ONLY fedmsg.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (key) INCLUDE (topic);
ALTER TABLE ONLY fedmsg.messages_202601
    ADD CONSTRAINT messages_202601_pkey PRIMARY KEY (key) INCLUDE (topic);
ALTER TABLE ONLY fedmsg.messages_202602
    ADD CONSTRAINT messages_202602_pkey PRIMARY KEY (key) INCLUDE (topic);
ALTER TABLE ONLY fedmsg.redactions
    ADD CONSTRAINT redactions_pkey PRIMARY KEY (key);
ALTER TABLE ONLY fedmsg.sources
    ADD CONSTRAINT sources_hash_key UNIQUE (hash);
ALTER TABLE ONLY fedmsg.sources
    ADD CONSTRAINT sources_pkey PRIMARY KEY (source);
ALTER TABLE ONLY fedmsg.terms
    ADD CONSTRAINT terms_hash_key UNIQUE (hash);
ALTER TABLE ONLY fedmsg.terms
    ADD CONSTRAINT terms_pkey PRIMARY KEY (term);
CREATE INDEX blocks_words ON ONLY fedmsg.blocks USING gin (words) WITH (gin_pending_list_limit='2048');
CREATE INDEX blocks_202601_words_idx ON fedmsg.blocks_202601 USING gin (words) WITH (gin_pending_list_limit='2048');
CREATE INDEX blocks_202602_words_idx ON fedmsg.blocks_202602 USING gin (words) WITH (gin_pending_list_limit='2048');
CREATE INDEX messages_terms ON ONLY fedmsg.messages USING gin (terms) WITH (gin_pending_list_limit='512');
CREATE INDEX messages_202601_terms_idx ON fedmsg.messages_202601 USING gin (terms) WITH (gin_pending_list_limit='512');
CREATE INDEX messages_202602_terms_idx ON fedmsg.messages_202602 USING gin (terms) WITH (gin_pending_list_limit='512');
CREATE INDEX terms_topics ON fedmsg.terms USING btree (term) WHERE (kind = 1);
ALTER INDEX fedmsg.blocks_pkey ATTACH PARTITION fedmsg.blocks_202601_pkey;
ALTER INDEX fedmsg.blocks_words ATTACH PARTITION fedmsg.blocks_202601_words_idx;
ALTER INDEX fedmsg.blocks_pkey ATTACH PARTITION fedmsg.blocks_202602_pkey;
ALTER INDEX fedmsg.blocks_words ATTACH PARTITION fedmsg.blocks_202602_words_idx;
ALTER INDEX fedmsg.messages_pkey ATTACH PARTITION fedmsg.messages_202601_pkey;
ALTER INDEX fedmsg.messages_terms ATTACH PARTITION fedmsg.messages_202601_terms_idx;
ALTER INDEX fedmsg.messages_pkey ATTACH PARTITION fedmsg.messages_202602_pkey;
ALTER INDEX fedmsg.messages_terms ATTACH PARTITION fedmsg.messages_202602_terms_idx;
