//go:build linux

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	_ "modernc.org/sqlite"

	"github.com/trackgate/trackgate/persistence"
	"github.com/trackgate/trackgate/protocols"
)

// storeDevices is the fleet that fills a store, and storeBatch the rows of one of its transactions: the gateway's default.
const (
	storeDevices = 1000
	storeBatch   = 10_000
)

// sqlite measures what arrives in SQLite from the socket, beside inserts in batches of the same rows by the same driver.
func (b *bench) sqlite() error {
	for _, w := range b.storeWires() {
		limit, err := b.sqliteLimit(w)
		if err != nil {
			return fmt.Errorf("limit: %w", err)
		}
		if err := b.stored("d", "into SQLite", w, limit, 0.8, "", ""); err != nil {
			return err
		}
	}
	return nil
}

// postgres measures what arrives in TimescaleDB, or PostgreSQL, from the socket, beside the store alone writing the same rows.
func (b *bench) postgres() error {
	url, name, stop, err := database()
	if err != nil {
		return err
	}
	defer stop()
	for _, w := range b.storeWires() {
		var limits [2]float64
		for i := range limits {
			if limits[i], err = b.postgresLimit(url, w, i+1); err != nil {
				return fmt.Errorf("limit: %w", err)
			}
		}
		if err := emptied(url); err != nil {
			return err
		}
		note := fmt.Sprintf("two writers %s", perSecond(limits[1]))
		if err := b.stored("c", "into "+name, w, limits[0], 0.9, note, url); err != nil {
			return err
		}
		if err := emptied(url); err != nil {
			return err
		}
	}
	return nil
}

// storeWires are uploads of ten records a packet and frames of one record.
func (b *bench) storeWires() []*wire {
	var out []*wire
	for _, k := range []struct {
		protocol string
		records  int
	}{{"teltonika", 10}, {"gt06", 1}} {
		w, err := wireOf(k.protocol, k.records)
		if err != nil {
			panic(err) // both are there
		}
		out = append(out, w)
	}
	return out
}

// stream makes the rows that the gateway would make of the frames of a fleet.
type stream struct {
	wire     *wire
	protocol *protocols.Protocol
	source   string
	first    int // device
	frame    protocols.Frame
	sent     uint32
	index    uint64
}

// batch is the next batch for the store; it is good until the next call.
func (s *stream) batch(rows int) protocols.Batch {
	now := time.Now().UTC()
	received := protocols.At(now)
	s.frame.Reset()
	from := s.index
	var raw []byte
	for len(s.frame.Events) < rows {
		device := s.first + int(s.sent)%storeDevices
		raw = s.wire.frame(raw[:0], s.sent, now)
		session := protocols.Session{Device: imei(device)}
		before := len(s.frame.Events)
		if _, err := protocols.Next(s.protocol, &session, protocols.Input{Bytes: raw, Received: received}, &s.frame); err != nil {
			panic(err) // our own frame
		}
		for i := before; i < len(s.frame.Events); i++ {
			e := &s.frame.Events[i]
			e.Vehicle, e.Index = e.Device, s.index
			e.Place(received, uint32(s.index))
			e.MarkLate(0)
		}
		s.sent++
		s.index++
	}
	return protocols.Batch{Source: s.source, From: from, UpTo: s.index, Events: s.frame.Events}
}

// sqliteLimit is rows per second of the driver: the columns and the unique key of the store, nothing else.
func (b *bench) sqliteLimit(w *wire) (float64, error) {
	dir, err := os.MkdirTemp("", "trackgate-bench")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "limit.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-32768)&_txlock=immediate")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE events (device_id INTEGER, time INTEGER, fp INTEGER, received_at INTEGER, vehicle TEXT, protocol TEXT, kind TEXT,
		latitude REAL, longitude REAL, altitude REAL, speed REAL, course REAL, satellites INTEGER, hdop REAL, valid INTEGER, late INTEGER, stored INTEGER, no_time INTEGER,
		alarm TEXT, session_at INTEGER, counter INTEGER, ignition INTEGER, motion INTEGER, odometer_m REAL, attributes TEXT, UNIQUE (device_id, time, fp))`); err != nil {
		return 0, err
	}
	const rowsOfOne = 40 // beyond that the driver gains nothing
	insert, err := db.Prepare("INSERT INTO events VALUES " + strings.TrimSuffix(strings.Repeat("(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?),", rowsOfOne), ","))
	if err != nil {
		return 0, err
	}
	s := &stream{wire: w, protocol: protocolNamed(w.protocol), source: "limit"}
	var took time.Duration
	rows := 0
	var args []any
	for rows < b.rows {
		events := s.batch(min(storeBatch, b.rows)).Events
		events = events[:len(events)/rowsOfOne*rowsOfOne]
		begun := time.Now()
		tx, err := db.Begin()
		if err != nil {
			return 0, err
		}
		for at := 0; at < len(events); at += rowsOfOne {
			args = args[:0]
			for i := range events[at : at+rowsOfOne] {
				args = appendColumns(args, &events[at+i])
			}
			if _, err := tx.Stmt(insert).Exec(args...); err != nil {
				return 0, err
			}
		}
		if err := tx.Commit(); err != nil {
			return 0, err
		}
		took += time.Since(begun)
		rows += len(events)
	}
	return float64(rows) / took.Seconds(), nil
}

func appendColumns(args []any, e *protocols.Event) []any {
	return append(args, e.Index%storeDevices, int64(e.Time), e.FP, int64(e.Received), e.Vehicle, e.Protocol, e.Kind.String(), e.Lat, e.Lng, e.Alt, e.Speed, e.Course,
		e.Sats, nil, e.Valid, e.Late, e.Stored, e.NoTime, nil, int64(e.Session), e.Counter, true, true, nil, string(e.Attrs.AppendJSON(nil)))
}

// postgresLimit is rows per second of the store itself, by so many writers, each with devices of its own.
func (b *bench) postgresLimit(url string, w *wire, writers int) (float64, error) {
	if err := emptied(url); err != nil {
		return 0, err
	}
	ctx := context.Background()
	s, err := persistence.Open(ctx, persistence.Config{URL: url, Timescale: timescale(url), Writers: writers, Unknown: protocols.Accept}, zap.NewNop())
	if err != nil {
		return 0, err
	}
	defer s.Close()
	var all sync.WaitGroup
	errs, rates := make([]error, writers), make([]float64, writers)
	for i := range writers {
		all.Go(func() {
			from := &stream{wire: w, protocol: protocolNamed(w.protocol), source: fmt.Sprint("limit", i), first: i * storeDevices}
			if _, errs[i] = s.Write(ctx, from.batch(min(storeBatch, b.rows))); errs[i] != nil { // enters the devices
				return
			}
			var took time.Duration
			rows := 0
			for rows < b.rows {
				batch := from.batch(min(storeBatch, b.rows))
				begun := time.Now()
				if _, errs[i] = s.Write(ctx, batch); errs[i] != nil {
					return
				}
				took += time.Since(begun)
				rows += len(batch.Events)
			}
			rates[i] = float64(rows) / took.Seconds()
		})
	}
	all.Wait()
	sum := 0.0
	for _, r := range rates {
		sum += r
	}
	return sum, errors.Join(errs...)
}

// stored finds the highest rate that a node takes from devices into its store without falling behind, and reports it.
func (b *bench) stored(group, into string, w *wire, limit, want float64, note, url string) error {
	dir, err := os.MkdirTemp("", "trackgate-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var env []string
	if url != "" {
		env = []string{"DATABASE_URL=" + url, "TRACKGATE_STORE_TIMESCALE=" + timescale(url)}
	}
	n, err := b.startNode(dir, env...)
	if err != nil {
		return err
	}
	defer n.stop()
	if err := n.ready(); err != nil {
		return err
	}
	fleet, err := startPart("fleet")
	if err != nil {
		return err
	}
	defer fleet.stop()
	devices := min(storeDevices, b.rows)
	if _, err := command(fleet, &order{Do: "connect", To: n.devices, Protocol: w.protocol, Records: w.records, Connections: devices}); err != nil {
		return err
	}
	s, err := n.sustain(fleet, b.seconds, limit)
	if err != nil {
		return err
	}
	ratio := s.rate / limit
	wanted, met := atLeast(ratio, want)
	what := fmt.Sprintf("%s %s, %d a frame", title(w.protocol), into, w.records)
	if note != "" {
		note += "; "
	}
	b.results.add(row{Group: group, What: what, Limit: perSecond(limit), Ours: perSecond(s.rate), Ratio: ratio, Wanted: wanted, Met: met,
		Note: note + fmt.Sprintf("catching up %s; %.1f µs of a core a record on the whole machine, which has %s at most", perSecond(s.alone), s.machine*1e6,
			perSecond(float64(runtime.NumCPU())/s.machine))})
	size, err := onDisk(dir, "journal")
	if err != nil {
		return err
	}
	disk := ""
	if url == "" {
		disk = fmt.Sprintf("%.0f B of the store's disk a record", float64(size)/s.rows)
	}
	b.results.add(row{Group: "j", What: "CPU of a million records, " + what, Ours: fmt.Sprintf("%.1f s", s.cpu*1e6), Note: disk})
	b.curves.stores = append(b.curves.stores, storeCurve{into: into, wire: w, points: s.points})
	return nil
}

// sustained is what a node did.
type sustained struct {
	rate  float64 // records a second, with a lag that does not grow
	alone float64 // records a second into the store while no device sends
	cpu   float64 // seconds of the node for each record
	rows  float64 // in all
	// machine is seconds of all processes for each record: the node, the sender, the database's server, the kernel.
	machine float64
	points  []storePoint
}

// sustain floods the node for a moment, then offers it what the store took, less until the store keeps up, and more again until it does not.
func (n *node) sustain(fleet *process, length, limit float64) (s sustained, err error) {
	w := n.watchStore()
	defer func() { s.points = w.stop() }()
	flood, err := command(fleet, &order{Do: "closed", Flight: 4, Fresh: true, Seconds: length})
	if err != nil {
		return s, err
	}
	s.rows = float64(flood.Records)
	before, err := n.stored()
	if err != nil {
		return s, err
	}
	drained := time.Now()
	if err := n.drained(s.rows); err != nil {
		return s, err
	}
	s.alone = (s.rows - before) / time.Since(drained).Seconds()
	offer, kept, missed := min(limit, max(s.alone, limit/2)), 0.0, 0.0 // rates that the store has kept up with, and has not
	for range mostOffers {
		o, err := n.offer(fleet, w, offer, 8*length, &s.rows)
		if err != nil {
			return s, err
		}
		flat := o.rate >= keepsUp*offer
		if flat && offer > kept || kept == 0 && o.rate > s.rate {
			s.rate, s.cpu, s.machine = min(o.rate, offer), o.cpu, o.machine
		}
		switch {
		case flat && missed == 0:
			return s, nil
		case flat:
			kept = offer
		default:
			missed = offer
		}
		if kept == 0 {
			offer = o.rate // less than it could be: what comes too fast takes the cores from the store
		} else if missed < 1.06*kept {
			break
		} else {
			offer = (kept + missed) / 2
		}
	}
	return s, nil
}

// keepsUp is the part of what is offered that a store has to take: the rest is what a rate taken from some ten transactions is uncertain by.
const keepsUp = 0.97

// mostOffers is how many rates are tried.
const mostOffers = 7

// offer offers a rate for a while, and waits until the store has everything; rows is how many records it then has. The rate found is that of the store
// while the devices send, from a quarter of that time on. How long it takes to come to an end is no sign that it was behind: whatever the rate, a batch is
// being gathered and another one written when the last record is sent.
func (n *node) offer(fleet *process, w *storeWatch, rate, seconds float64, rows *float64) (s sustained, err error) {
	own, all, err := n.spent()
	if err != nil {
		return s, err
	}
	begun := time.Now()
	out, err := command(fleet, &order{Do: "open", Rate: rate, Seconds: seconds})
	if err != nil {
		return s, err
	}
	sent := time.Now()
	s.rate = w.rate(begun.Add(sent.Sub(begun)/4), sent)
	*rows += float64(out.Records)
	if err := n.drained(*rows); err != nil {
		return s, err
	}
	ownNow, allNow, err := n.spent()
	if err != nil {
		return s, err
	}
	records := float64(out.Records)
	if s.rate == 0 {
		s.rate = records / time.Since(begun).Seconds()
	}
	s.cpu, s.machine = (ownNow-own).Seconds()/records, (allNow-all).Seconds()/records
	return s, nil
}

// spent is the processor time of the node so far, and of everything on the machine.
func (n *node) spent() (own, all time.Duration, err error) {
	u, err := used(n.cmd.Process.Pid)
	if err != nil {
		return 0, 0, err
	}
	all, err = busy()
	return u.CPU, all, err
}

// stored is how many records the store has taken.
func (n *node) stored() (float64, error) {
	m, err := n.metrics()
	return m.sum("sink_events_total", `sink="store"`), err
}

// What the store has is looked at now and then: metrics cost the node that is measured.
const (
	lookEvery  = 50 * time.Millisecond // for its end
	watchEvery = 100 * time.Millisecond
)

// drained waits until the store has so many records.
func (n *node) drained(records float64) error {
	return n.until(time.Hour, "drained", func() (bool, error) {
		taken, err := n.stored()
		if err == nil && taken < records {
			time.Sleep(lookEvery)
		}
		return taken >= records, err
	})
}

// storePoint is a moment of a run into a store.
type storePoint struct {
	at       time.Duration
	records  float64 // stored so far
	resident float64 // bytes
}

// storeCurve is one run into a store.
type storeCurve struct {
	into   string
	wire   *wire
	points []storePoint
}

// storeWatch looks at a node now and then.
type storeWatch struct {
	begun       time.Time
	done, ended chan struct{}
	mu          sync.Mutex
	points      []storePoint
}

func (n *node) watchStore() *storeWatch {
	w := &storeWatch{begun: time.Now(), done: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		every := time.NewTicker(watchEvery)
		defer every.Stop()
		for running := true; running; {
			taken, err := n.stored()
			u, err2 := used(n.cmd.Process.Pid)
			if err == nil && err2 == nil { // a run that failed says so itself
				w.mu.Lock()
				w.points = append(w.points, storePoint{time.Since(w.begun), taken, float64(u.Resident)})
				w.mu.Unlock()
			}
			select {
			case <-w.done:
				running = false
			case <-every.C:
			}
		}
	}()
	return w
}

// stop ends the watch after a last look.
func (w *storeWatch) stop() []storePoint {
	close(w.done)
	<-w.ended
	return w.points
}

// rate is storeRate between two moments.
func (w *storeWatch) rate(from, to time.Time) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return storeRate(w.points, from.Sub(w.begun), to.Sub(w.begun))
}

// storeRate is how many records a second were stored by the transactions that ended between two moments, counted from the end of the first to that of
// the last: 0 if there are not two.
func storeRate(points []storePoint, from, to time.Duration) float64 {
	var first, last storePoint
	steps := 0
	for i := 1; i < len(points); i++ {
		if p := points[i]; p.at >= from && p.at <= to && p.records > points[i-1].records {
			if steps == 0 {
				first = p
			}
			last = p
			steps++
		}
	}
	if steps < 2 {
		return 0
	}
	return (last.records - first.records) / (last.at - first.at).Seconds()
}
