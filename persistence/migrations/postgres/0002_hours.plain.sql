-- Without TimescaleDB the hours are computed when they are asked for, and live as long as the raw events.
CREATE VIEW location_hourly AS
SELECT vehicle, to_timestamp(floor(extract(epoch FROM time) / 3600) * 3600) AS bucket,
       count(*)                                                   AS events,
       count(latitude) FILTER (WHERE valid)                       AS fixes,
       count(alarm)                                               AS alarms,
       avg(speed) FILTER (WHERE valid)                            AS avg_speed,
       max(speed) FILTER (WHERE valid)                            AS max_speed,
       (array_agg(latitude  ORDER BY time)      FILTER (WHERE valid))[1] AS first_latitude,
       (array_agg(longitude ORDER BY time)      FILTER (WHERE valid))[1] AS first_longitude,
       (array_agg(latitude  ORDER BY time DESC) FILTER (WHERE valid))[1] AS last_latitude,
       (array_agg(longitude ORDER BY time DESC) FILTER (WHERE valid))[1] AS last_longitude,
       min(odometer_m)                                            AS odometer_min,
       max(odometer_m)                                            AS odometer_max
FROM location_events
GROUP BY 1, 2;
