package persistence

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// bumpSQLite begins a change of the registry.
func bumpSQLite(ctx context.Context, tx *sql.Tx) (revision int64, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE registry SET revision = revision + 1 RETURNING revision`).Scan(&revision)
	return revision, err
}

// change runs a change of the registry in a transaction.
func (s *sqliteStore) change(ctx context.Context, what string, do func(ctx context.Context, tx *sql.Tx, revision int64) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	err := func() error {
		tx, err := s.writer.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		revision, err := bumpSQLite(ctx, tx)
		if err != nil {
			return err
		}
		if err := do(ctx, tx, revision); err != nil {
			return err
		}
		return tx.Commit()
	}()
	if err != nil {
		return fmt.Errorf("store: %s: %w", what, err)
	}
	return nil
}

func (s *sqliteStore) intern(ctx context.Context, devices []string) (map[string]known, error) {
	fresh := make(map[string]known, len(devices))
	look := func(q interface {
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	}, names []string) error {
		for part := range slices.Chunk(names, maxNames) {
			rows, err := q.QueryContext(ctx, "SELECT device, device_id, policy FROM devices WHERE device IN ("+marks(len(part))+")", anys(part)...)
			if err != nil {
				return err
			}
			for rows.Next() {
				var name string
				var k known
				if err := rows.Scan(&name, &k.id, &k.policy); err != nil {
					rows.Close()
					return err
				}
				fresh[name] = k
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		return nil
	}
	if err := look(s.writer, devices); err != nil {
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
	return fresh, s.change(ctx, "new devices", func(ctx context.Context, tx *sql.Tx, revision int64) error {
		for _, d := range unknown {
			if _, err := tx.ExecContext(ctx, `INSERT INTO devices (device, policy, revision, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
				d, string(s.cfg.Unknown), revision, time.Now().UnixMilli()); err != nil {
				return err
			}
		}
		return look(tx, unknown)
	})
}

func (s *sqliteStore) pair(ctx context.Context, pairs []pair) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, p := range pairs {
		if _, err := tx.ExecContext(ctx, `INSERT INTO vehicle_devices VALUES (?, ?) ON CONFLICT DO NOTHING`, p.vehicle, p.id); err != nil {
			return err
		}
	}
	return tx.Commit()
}

const deviceColumns = `device, vehicle, groups, options, policy`

func scanDevice(rows *sql.Rows) (d protocols.Device, err error) {
	var groups, options []byte
	if err := rows.Scan(&d.ID, &d.Vehicle, &groups, &options, &d.Policy); err != nil {
		return d, err
	}
	var pairs []string
	if err := json.Unmarshal(groups, &d.Groups); err != nil {
		return d, fmt.Errorf("groups of device %s: %w", d.ID, err)
	}
	if err := json.Unmarshal(options, &pairs); err != nil {
		return d, fmt.Errorf("options of device %s: %w", d.ID, err)
	}
	return d, completeDevice(&d, pairs)
}

func (s *sqliteStore) Device(ctx context.Context, id string) (protocols.Device, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	list, err := queryAll(ctx, s.reader, scanDevice, `SELECT `+deviceColumns+` FROM devices WHERE device = ?`, id)
	if err != nil {
		return protocols.Device{}, false, fmt.Errorf("store: device: %w", err)
	}
	if len(list) == 0 {
		return protocols.Device{}, false, nil
	}
	return list[0], true, nil
}

func (s *sqliteStore) Devices(ctx context.Context, after string, limit int) ([]protocols.Device, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	list, err := queryAll(ctx, s.reader, scanDevice, `SELECT `+deviceColumns+` FROM devices WHERE device > ? ORDER BY device LIMIT ?`,
		after, pageSize(limit, MaxLimit))
	if err != nil {
		return nil, fmt.Errorf("store: devices: %w", err)
	}
	return list, nil
}

func (s *sqliteStore) PutDevices(ctx context.Context, devices []protocols.Device) error {
	if len(devices) == 0 {
		return nil
	}
	devices, err := checkDevices(devices)
	if err != nil {
		return err
	}
	return s.change(ctx, "put devices", func(ctx context.Context, tx *sql.Tx, revision int64) error {
		for _, d := range devices {
			groups, options, err := deviceLists(&d)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO devices (`+deviceColumns+`, revision, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (device) DO UPDATE SET vehicle = excluded.vehicle, groups = excluded.groups, options = excluded.options,
				policy = excluded.policy, revision = excluded.revision`,
				d.ID, d.Vehicle, groups, options, string(d.Policy), revision, time.Now().UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *sqliteStore) DevicesChanged(ctx context.Context, since uint64, limit int) ([]protocols.Device, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	next := since
	list, err := queryAll(ctx, s.reader, func(rows *sql.Rows) (d protocols.Device, err error) {
		var groups, options []byte
		var revision int64
		if err := rows.Scan(&d.ID, &d.Vehicle, &groups, &options, &d.Policy, &revision); err != nil {
			return d, err
		}
		next = max(next, uint64(revision))
		var pairs []string
		if err := json.Unmarshal(groups, &d.Groups); err != nil {
			return d, err
		}
		if err := json.Unmarshal(options, &pairs); err != nil {
			return d, err
		}
		return d, completeDevice(&d, pairs)
	}, changedDevices("?", "?"), int64(since), int64(since), pageSize(limit, MaxLimit))
	if err != nil {
		return nil, since, fmt.Errorf("store: changed devices: %w", err)
	}
	return list, next, nil
}

func (s *sqliteStore) Grants(ctx context.Context, sub string) (vehicles, groups []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	_, err = queryAll(ctx, s.reader, func(rows *sql.Rows) (struct{}, error) {
		var v, g string
		err := rows.Scan(&v, &g)
		vehicles, groups = addGrant(vehicles, groups, v, g)
		return struct{}{}, err
	}, `SELECT vehicle, vehicle_group FROM vehicle_access WHERE sub = ? ORDER BY 1, 2`, sub)
	if err != nil {
		return nil, nil, fmt.Errorf("store: grants: %w", err)
	}
	return vehicles, groups, nil
}

func (s *sqliteStore) PutGrant(ctx context.Context, g Grant) error {
	if err := g.check(); err != nil {
		return err
	}
	return s.change(ctx, "put grant", func(ctx context.Context, tx *sql.Tx, _ int64) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO vehicle_access VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, g.Sub, g.Vehicle, g.Group)
		return err
	})
}

func (s *sqliteStore) RemoveGrant(ctx context.Context, g Grant) error {
	if err := g.check(); err != nil {
		return err
	}
	return s.change(ctx, "remove grant", func(ctx context.Context, tx *sql.Tx, _ int64) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM vehicle_access WHERE sub = ? AND vehicle = ? AND vehicle_group = ?`, g.Sub, g.Vehicle, g.Group)
		return err
	})
}

func (s *sqliteStore) Revision(ctx context.Context) (uint64, error) {
	var revision int64
	if err := s.reader.QueryRowContext(ctx, `SELECT revision FROM registry`).Scan(&revision); err != nil {
		return 0, fmt.Errorf("store: revision: %w", err)
	}
	return uint64(revision), nil
}
