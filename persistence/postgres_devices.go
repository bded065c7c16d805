package persistence

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/trackgate/trackgate/protocols"
)

// change runs a change of the registry in a transaction, under the lock of the revision.
func (s *postgresStore) change(ctx context.Context, what string, do func(ctx context.Context, tx pgx.Tx, revision int64) error) error {
	return s.read(ctx, what, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			var revision int64
			if err := tx.QueryRow(ctx, `UPDATE registry SET revision = revision + 1 RETURNING revision`).Scan(&revision); err != nil {
				return err
			}
			return do(ctx, tx, revision)
		})
	})
}

func (s *postgresStore) intern(ctx context.Context, devices []string) (map[string]known, error) {
	fresh := make(map[string]known, len(devices))
	look := func(db interface {
		Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	}, names []string) error {
		_, err := collect(ctx, db, func(row pgx.CollectableRow) (struct{}, error) {
			var name string
			var k known
			err := row.Scan(&name, &k.id, &k.policy)
			fresh[name] = k
			return struct{}{}, err
		}, `SELECT device, device_id, policy FROM devices WHERE device = ANY ($1)`, names)
		return err
	}
	if err := look(s.pool, devices); err != nil {
		return nil, err
	}
	var unknown []string
	for _, d := range devices {
		if _, found := fresh[d]; !found {
			unknown = append(unknown, d)
		}
	}
	if len(unknown) == 0 {
		return fresh, nil
	}
	return fresh, s.change(ctx, "new devices", func(ctx context.Context, tx pgx.Tx, revision int64) error {
		if _, err := tx.Exec(ctx, `INSERT INTO devices (device, policy, revision) SELECT d, $2, $3 FROM unnest($1::text[]) AS d ON CONFLICT DO NOTHING`,
			unknown, string(s.cfg.Unknown), revision); err != nil {
			return err
		}
		return look(tx, unknown)
	})
}

func (s *postgresStore) pair(ctx context.Context, pairs []pair) error {
	vehicles, ids := make([]string, len(pairs)), make([]int64, len(pairs))
	for i, p := range pairs {
		vehicles[i], ids[i] = p.vehicle, p.id
	}
	_, err := s.pool.Exec(ctx, `INSERT INTO vehicle_devices SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING`, vehicles, ids)
	return err
}

func scanDevicePostgres(row pgx.CollectableRow) (d protocols.Device, err error) {
	var pairs []string
	if err := row.Scan(&d.ID, &d.Vehicle, &d.Groups, &pairs, &d.Policy); err != nil {
		return d, err
	}
	return d, completeDevice(&d, pairs)
}

func (s *postgresStore) Device(ctx context.Context, id string) (d protocols.Device, found bool, err error) {
	if unclean(id) {
		return d, false, nil
	}
	err = s.read(ctx, "device", func(ctx context.Context) error {
		list, err := collect(ctx, s.pool, scanDevicePostgres, `SELECT `+deviceColumns+` FROM devices WHERE device = $1`, id)
		if len(list) == 1 {
			d, found = list[0], true
		}
		return err
	})
	return d, found, err
}

func (s *postgresStore) Devices(ctx context.Context, after string, limit int) (list []protocols.Device, err error) {
	err = s.read(ctx, "devices", func(ctx context.Context) (err error) {
		list, err = collect(ctx, s.pool, scanDevicePostgres, `SELECT `+deviceColumns+` FROM devices WHERE device > $1 ORDER BY device LIMIT $2`,
			clean(after), pageSize(limit, MaxLimit))
		return err
	})
	return list, err
}

func (s *postgresStore) PutDevices(ctx context.Context, devices []protocols.Device) error {
	if len(devices) == 0 {
		return nil
	}
	devices, err := checkDevices(devices)
	if err != nil {
		return err
	}
	return s.change(ctx, "put devices", func(ctx context.Context, tx pgx.Tx, revision int64) error {
		for len(devices) > 0 {
			n := min(len(devices), 1000)
			var b pgx.Batch
			for _, d := range devices[:n] {
				groups, options := d.Groups, d.Options.Pairs()
				if groups == nil {
					groups = []string{}
				}
				if options == nil {
					options = []string{}
				}
				b.Queue(`INSERT INTO devices (`+deviceColumns+`, revision) VALUES ($1, $2, $3, $4, $5, $6)
					ON CONFLICT (device) DO UPDATE SET vehicle = excluded.vehicle, groups = excluded.groups, options = excluded.options,
					policy = excluded.policy, revision = excluded.revision`, d.ID, d.Vehicle, groups, options, string(d.Policy), revision)
			}
			if err := tx.SendBatch(ctx, &b).Close(); err != nil {
				return err
			}
			devices = devices[n:]
		}
		return nil
	})
}

func (s *postgresStore) DevicesChanged(ctx context.Context, since uint64, limit int) (list []protocols.Device, next uint64, err error) {
	next = since
	err = s.read(ctx, "changed devices", func(ctx context.Context) (err error) {
		list, err = collect(ctx, s.pool, func(row pgx.CollectableRow) (d protocols.Device, err error) {
			var pairs []string
			var revision int64
			if err := row.Scan(&d.ID, &d.Vehicle, &d.Groups, &pairs, &d.Policy, &revision); err != nil {
				return d, err
			}
			next = max(next, uint64(revision))
			return d, completeDevice(&d, pairs)
		}, changedDevices("$1", "$2"), int64(since), pageSize(limit, MaxLimit))
		return err
	})
	if err != nil {
		return nil, since, err
	}
	return list, next, nil
}

func (s *postgresStore) Grants(ctx context.Context, sub string) (vehicles, groups []string, err error) {
	if unclean(sub) {
		return nil, nil, nil
	}
	err = s.read(ctx, "grants", func(ctx context.Context) error {
		_, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (struct{}, error) {
			var v, g string
			err := row.Scan(&v, &g)
			vehicles, groups = addGrant(vehicles, groups, v, g)
			return struct{}{}, err
		}, `SELECT vehicle, vehicle_group FROM vehicle_access WHERE sub = $1 ORDER BY 1, 2`, sub)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return vehicles, groups, nil
}

func (s *postgresStore) PutGrant(ctx context.Context, g Grant) error {
	if err := g.check(); err != nil {
		return err
	}
	return s.change(ctx, "put grant", func(ctx context.Context, tx pgx.Tx, _ int64) error {
		_, err := tx.Exec(ctx, `INSERT INTO vehicle_access VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, g.Sub, g.Vehicle, g.Group)
		return err
	})
}

func (s *postgresStore) RemoveGrant(ctx context.Context, g Grant) error {
	if err := g.check(); err != nil {
		return err
	}
	return s.change(ctx, "remove grant", func(ctx context.Context, tx pgx.Tx, _ int64) error {
		_, err := tx.Exec(ctx, `DELETE FROM vehicle_access WHERE sub = $1 AND vehicle = $2 AND vehicle_group = $3`, g.Sub, g.Vehicle, g.Group)
		return err
	})
}

func (s *postgresStore) Revision(ctx context.Context) (revision uint64, err error) {
	err = s.read(ctx, "revision", func(ctx context.Context) error {
		var r int64
		err := s.pool.QueryRow(ctx, `SELECT revision FROM registry`).Scan(&r)
		revision = uint64(r)
		return err
	})
	return revision, err
}
