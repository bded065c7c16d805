-- Times are milliseconds since 1970, UTC. Booleans are 0 and 1.

CREATE TABLE registry (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  revision INTEGER NOT NULL
);
INSERT INTO registry VALUES (1, 1);

CREATE TABLE devices (
  device_id  INTEGER PRIMARY KEY AUTOINCREMENT,
  device     TEXT    NOT NULL UNIQUE,
  vehicle    TEXT    NOT NULL DEFAULT '',
  groups     TEXT    NOT NULL DEFAULT '[]',
  options    TEXT    NOT NULL DEFAULT '[]',
  policy     TEXT    NOT NULL,
  revision   INTEGER NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE INDEX devices_revision ON devices (revision);

CREATE TABLE vehicle_devices (
  vehicle   TEXT    NOT NULL,
  device_id INTEGER NOT NULL,
  PRIMARY KEY (vehicle, device_id)
) WITHOUT ROWID;

CREATE TABLE vehicle_access (
  sub     TEXT NOT NULL,
  vehicle TEXT NOT NULL DEFAULT '',
  vehicle_group TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (sub, vehicle, vehicle_group)
) WITHOUT ROWID;

CREATE TABLE ingest_offset (
  source     TEXT PRIMARY KEY,
  off        INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE dead_letter (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT    NOT NULL,
  idx    INTEGER NOT NULL,
  bytes  BLOB,
  error  TEXT    NOT NULL,
  at     INTEGER NOT NULL
);
CREATE INDEX dead_letter_at ON dead_letter (at);

CREATE TABLE location_events (
  device_id   INTEGER NOT NULL,
  time        INTEGER NOT NULL,
  fp          INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  vehicle     TEXT    NOT NULL,
  protocol    TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  latitude    REAL,
  longitude   REAL,
  altitude    REAL,
  speed       REAL,
  course      REAL,
  satellites  INTEGER,
  hdop        REAL,
  valid       INTEGER,
  late        INTEGER NOT NULL,
  stored      INTEGER NOT NULL,
  no_time     INTEGER NOT NULL,
  alarm       TEXT,
  session_at  INTEGER,
  counter     INTEGER NOT NULL,
  ignition    INTEGER,
  motion      INTEGER,
  odometer_m  REAL,
  attributes  TEXT,
  UNIQUE (device_id, time, fp)
);

CREATE TABLE location_quarantine (
  device_id   INTEGER NOT NULL,
  time        INTEGER NOT NULL,
  fp          INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  vehicle     TEXT    NOT NULL,
  protocol    TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  latitude    REAL,
  longitude   REAL,
  altitude    REAL,
  speed       REAL,
  course      REAL,
  satellites  INTEGER,
  hdop        REAL,
  valid       INTEGER,
  late        INTEGER NOT NULL,
  stored      INTEGER NOT NULL,
  no_time     INTEGER NOT NULL,
  alarm       TEXT,
  session_at  INTEGER,
  counter     INTEGER NOT NULL,
  ignition    INTEGER,
  motion      INTEGER,
  odometer_m  REAL,
  attributes  TEXT,
  UNIQUE (device_id, time, fp)
);
CREATE INDEX location_quarantine_received ON location_quarantine (received_at);

CREATE TABLE last_position (
  device_id   INTEGER NOT NULL,
  time        INTEGER NOT NULL,
  fp          INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  vehicle     TEXT    NOT NULL PRIMARY KEY,
  protocol    TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  latitude    REAL,
  longitude   REAL,
  altitude    REAL,
  speed       REAL,
  course      REAL,
  satellites  INTEGER,
  hdop        REAL,
  valid       INTEGER,
  late        INTEGER NOT NULL,
  stored      INTEGER NOT NULL,
  no_time     INTEGER NOT NULL,
  alarm       TEXT,
  session_at  INTEGER,
  counter     INTEGER NOT NULL,
  ignition    INTEGER,
  motion      INTEGER,
  odometer_m  REAL,
  attributes  TEXT,
  live        INTEGER NOT NULL, -- the row is a live fix
  contact_at  INTEGER NOT NULL  -- newest receipt of anything
);

CREATE TABLE location_hourly (
  vehicle         TEXT    NOT NULL,
  bucket          INTEGER NOT NULL,
  events          INTEGER NOT NULL,
  fixes           INTEGER NOT NULL,
  alarms          INTEGER NOT NULL,
  speeds          INTEGER NOT NULL, -- addends of speed_sum
  speed_sum       REAL    NOT NULL,
  max_speed       REAL,
  first_time      INTEGER,
  first_latitude  REAL,
  first_longitude REAL,
  last_time       INTEGER,
  last_latitude   REAL,
  last_longitude  REAL,
  odometer_min    REAL,
  odometer_max    REAL,
  PRIMARY KEY (vehicle, bucket)
) WITHOUT ROWID;
CREATE INDEX location_hourly_bucket ON location_hourly (bucket);
