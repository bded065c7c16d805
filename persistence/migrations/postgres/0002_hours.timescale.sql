SELECT create_hypertable('location_events', by_range('time', INTERVAL '1 day'), create_default_indexes => false);

ALTER TABLE location_events SET (
  timescaledb.compress,
  timescaledb.compress_segmentby = 'device_id',
  timescaledb.compress_orderby   = 'time DESC, fp'
);

-- Exact up to the last refresh, and computed from the raw events after it. The policies that refresh, compress and delete are set at
-- the start of the gateway, from its configuration.
CREATE MATERIALIZED VIEW location_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT vehicle, time_bucket(INTERVAL '1 hour', time)              AS bucket,
       count(*)                                                   AS events,
       count(latitude) FILTER (WHERE valid)                       AS fixes,
       count(alarm)                                               AS alarms,
       avg(speed) FILTER (WHERE valid)                            AS avg_speed,
       max(speed) FILTER (WHERE valid)                            AS max_speed,
       first(latitude,  time) FILTER (WHERE valid)                AS first_latitude,
       first(longitude, time) FILTER (WHERE valid)                AS first_longitude,
       last(latitude,   time) FILTER (WHERE valid)                AS last_latitude,
       last(longitude,  time) FILTER (WHERE valid)                AS last_longitude,
       min(odometer_m)                                            AS odometer_min,
       max(odometer_m)                                            AS odometer_max
FROM location_events
GROUP BY 1, 2
WITH NO DATA;
