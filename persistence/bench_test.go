package persistence

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/trackgate/trackgate/persistence/pgtest"
	"github.com/trackgate/trackgate/protocols"
)

// Rows per second into each store, and how that compares with what its driver does at best with the same rows and no promise at all:
// no key, no offset, no last position, no hours.

const (
	benchBatch   = 10_000
	benchDevices = 1000
)

// benchEvents are batches of a fleet that reports every 10 seconds, in order of arrival, with some 15 attributes each.
func benchEvents(batch int) []protocols.Event {
	events := make([]protocols.Event, benchBatch)
	for i := range events {
		n := batch*benchBatch + i
		device, tick := n%benchDevices, n/benchDevices
		e := &events[i]
		*e = protocols.Event{
			Device: fmt.Sprintf("86000000%07d", device), Vehicle: fmt.Sprintf("truck-%d", device), Protocol: "teltonika",
			Time: now - 20*24*hourMillis + protocols.Millis(tick)*10_000, Session: now, Counter: uint32(tick), Index: uint64(n),
		}
		e.Received = e.Time + 900
		e.SetFix(52+float64(n%9973)/1e6, 13+float64(n%7919)/1e6, true)
		e.SetAlt(34)
		e.SetSpeed(float64(n % 120))
		e.SetCourse(float64(n % 360))
		e.SetSats(11)
		e.Bool("ignition", true)
		e.Bool("motion", n%3 > 0)
		e.Int("odometer_m", int64(n)*13)
		e.Dec("power_v", int64(12000+n%2000), 3)
		e.Dec("battery_v", int64(3900+n%200), 3)
		e.Int("rssi", int64(n%6))
		for io := range uint16(8) {
			e.Int(protocols.IOKey(200+io), int64(n%(37+int(io))))
		}
		e.FP = protocols.Fingerprint(fmt.Append(nil, n))
	}
	return events
}

// benchmark reports what writing costs beside doing the bare minimum, in turns, so that both see the same machine.
func benchmark(b *testing.B, s Store, bare func(rows *batch) error) {
	var store, least time.Duration
	rows := 0
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		events := benchEvents(i)
		batch := protocols.Batch{Source: "j", From: uint64(i), UpTo: uint64(i + 1), Events: events}
		p := prepare(&batch)
		for k := range p.rows {
			p.rows[k].id = int64(k%benchDevices) + 1
		}
		begun := time.Now()
		if err := bare(p); err != nil {
			b.Fatal(err)
		}
		least += time.Since(begun)
		p.release()
		b.StartTimer()
		begun = time.Now()
		if _, err := s.Write(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
		store += time.Since(begun)
		rows += len(events)
	}
	b.ReportMetric(float64(rows)/store.Seconds(), "rows/s")
	b.ReportMetric(float64(rows)/least.Seconds(), "bare-rows/s")
	b.ReportMetric(least.Seconds()/store.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkWriteSQLite(b *testing.B) {
	s := openTestSQLite(b, Config{})
	raw := openTestSQLite(b, Config{})
	if _, err := raw.writer.Exec("CREATE TABLE bare AS SELECT * FROM location_events"); err != nil {
		b.Fatal(err)
	}
	insert, err := raw.writer.Prepare("INSERT INTO bare VALUES (" + marks(len(columns)) + ")")
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, s, func(p *batch) error {
		tx, err := raw.writer.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		st := tx.Stmt(insert)
		var args []any
		for i := range p.rows {
			args = p.values(args[:0], &p.rows[i])
			if _, err := st.Exec(args...); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
}

func benchmarkPostgres(b *testing.B, cfg Config) {
	s := openTestPostgres(b, cfg)
	execTest(b, s, "CREATE TABLE bare (LIKE location_events)")
	benchmark(b, s, func(p *batch) error {
		return s.pool.AcquireFunc(context.Background(), func(conn *pgxpool.Conn) error {
			p.copied = append(p.copied[:0], copyHeader...)
			for i := range p.rows {
				p.copied = p.appendRow(p.copied, &p.rows[i], 0)
			}
			p.copied = append(p.copied, copyTrailer...)
			_, err := conn.Conn().PgConn().CopyFrom(context.Background(), bytes.NewReader(p.copied), copyInto("bare"))
			return err
		})
	})
}

func BenchmarkWriteTimescale(b *testing.B) {
	benchmarkPostgres(b, Config{URL: pgtest.Timescale(b)})
}

func BenchmarkWritePostgres(b *testing.B) {
	benchmarkPostgres(b, Config{URL: pgtest.Postgres(b), Timescale: "off"})
}

// BenchmarkSecondIndex is what an index by vehicle would cost, which history does without.
func BenchmarkSecondIndex(b *testing.B) {
	cfg := Config{URL: pgtest.Postgres(b), Timescale: "off"}
	plain := openTestPostgres(b, cfg)
	cfg.URL = pgtest.Postgres(b)
	indexed := openTestPostgres(b, cfg)
	execTest(b, indexed, "CREATE INDEX ON location_events (vehicle, time DESC)")
	benchmark(b, indexed, func(p *batch) error {
		first := p.rows[0].event.Index / benchBatch
		var events []protocols.Event
		for i := range p.rows {
			events = append(events, *p.rows[i].event)
		}
		_, err := plain.Write(context.Background(), protocols.Batch{Source: "j", From: first, UpTo: first + 1, Events: events})
		return err
	})
}

// BenchmarkRetransmission is a batch of which a share is stored already.
func BenchmarkRetransmission(b *testing.B) {
	for _, percent := range []int{0, 1, 50, 100} {
		b.Run(fmt.Sprint(percent), func(b *testing.B) {
			s := openTestPostgres(b, Config{URL: pgtest.Postgres(b), Timescale: "off"})
			rows := 0
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				events := benchEvents(i)
				known := events[:len(events)*percent/100]
				if _, err := s.Write(context.Background(), protocols.Batch{Source: "before", From: uint64(i), UpTo: uint64(i + 1), Events: known}); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if _, err := s.Write(context.Background(), protocols.Batch{Source: "j", From: uint64(i), UpTo: uint64(i + 1), Events: events}); err != nil {
					b.Fatal(err)
				}
				rows += len(events)
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkPrepare is the share of the gateway's own processor: rows into COPY's format, no server.
func BenchmarkPrepare(b *testing.B) {
	batch := protocols.Batch{Events: benchEvents(0)}
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		p := prepare(&batch)
		for k := range p.rows {
			p.rows[k].id = int64(k%benchDevices) + 1
		}
		p.settle()
		p.copied = p.copied[:0]
		for i := range p.rows {
			p.copied = p.appendRow(p.copied, &p.rows[i], 0)
		}
		p.last()
		rows += len(p.rows)
		p.release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
}

// BenchmarkHistory is a page of a thousand events in the middle of a vehicle's ten thousand, and the last known of a fleet.
func BenchmarkHistory(b *testing.B) {
	stores := map[string]func(b *testing.B) Store{
		"SQLite": func(b *testing.B) Store { return openTestSQLite(b, Config{}) },
		"Postgres": func(b *testing.B) Store {
			return openTestPostgres(b, Config{URL: pgtest.Postgres(b), Timescale: "off"})
		},
		"Timescale": func(b *testing.B) Store { return openTestPostgres(b, Config{URL: pgtest.Timescale(b)}) },
	}
	for name, open := range stores {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			for i := range 10 {
				events := benchEvents(i)
				for k := range events { // ten vehicles instead of a thousand
					d := k % 10
					events[k].Device, events[k].Vehicle = fmt.Sprint("d", d), fmt.Sprint("v", d)
					events[k].Time = now - hourMillis*24 + protocols.Millis(i*benchBatch+k)*100
					events[k].Received = events[k].Time
				}
				if _, err := s.Write(b.Context(), protocols.Batch{Source: "j", From: uint64(i), UpTo: uint64(i + 1), Events: events}); err != nil {
					b.Fatal(err)
				}
			}
			b.Run("page", func(b *testing.B) {
				for b.Loop() {
					page, cursor, err := s.History(b.Context(), HistoryQuery{Vehicle: "v3", From: now - hourMillis*24 + 5_000_000})
					if err != nil || len(page) != 1000 || cursor == "" {
						b.Fatal(len(page), cursor, err)
					}
				}
			})
			b.Run("last", func(b *testing.B) {
				for b.Loop() {
					if all, err := s.LastAll(b.Context(), "", 0); err != nil || len(all) != 10 {
						b.Fatal(len(all), err)
					}
				}
			})
		})
	}
}
