package persistence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

func (c suite) roundTrip(t *testing.T, s Store) {
	full := fix("860000000000001", now, 52.5163, 13.3777, 61.12)
	full.Text("driver_id", "Zoë \"x\" <&>")
	full.JSON("cells", `[{"mcc":262,"mnc":1,"lac":-1,"cid":2.5}]`)
	full.Float("fuel_l", 1.0/3)
	full.Bool("motion", false)
	full.Alarm, full.Kind, full.Late, full.Stored = "sos", protocols.Alarm, true, true

	bare := protocols.Event{Vehicle: "860000000000001", Device: "860000000000001", Protocol: "acme", Kind: protocols.Status, Time: now + 1, Received: now + 2, FP: -1}
	bare.Vehicle = full.Vehicle
	invalid := fix("860000000000001", now+2, -33.9, 151.2, 0)
	invalid.Valid = false
	mustWrite(t, s, batchOf("j1", 7, full, bare, invalid), Result{Stored: 3})

	got := allHistory(t, s, HistoryQuery{Vehicle: full.Vehicle})
	wantJSON(t, got, []protocols.Event{full, bare, invalid})
	if next, found, err := s.Offset(t.Context(), "j1"); next != 10 || !found || err != nil {
		t.Errorf("offset: got %d %v %v, want 10", next, found, err)
	}
	if _, found, err := s.Offset(t.Context(), "j2"); found || err != nil {
		t.Errorf("offset of an unknown source: found %v, %v", found, err)
	}
}

func (c suite) sameBatchTwice(t *testing.T, s Store) {
	b := batchOf("j", 0, fix("1", now, 1, 1, 1), fix("2", now, 2, 2, 2))
	b.Dead = []protocols.DeadLetter{{Index: 1, Raw: []byte{0, 255}, Error: "acme: malformed\x00\xff"}}
	mustWrite(t, s, b, Result{Stored: 2, Dead: 1})
	_, err := s.Write(t.Context(), b)
	var wrong *ErrOffset
	if !errors.As(err, &wrong) || wrong.Have != 2 || wrong.Offset() != 2 {
		t.Fatalf("second write: got %v, want ErrOffset with 2", err)
	}
	if n := len(allHistory(t, s, HistoryQuery{Vehicle: "v-1"})); n != 1 {
		t.Errorf("got %d rows, want 1", n)
	}
	dead, err := s.DeadLetters(t.Context(), 0, 0)
	if err != nil || len(dead) != 1 || dead[0].Source != "j" || dead[0].Index != 1 || !bytes.Equal(dead[0].Raw, []byte{0, 255}) ||
		dead[0].Error != "acme: malformed\ufffd\ufffd" || dead[0].At == 0 {
		t.Errorf("dead letters: got %+v, %v", dead, err)
	}
}

func (c suite) overlap(t *testing.T, s Store) {
	var events []protocols.Event
	for i := range 30 {
		events = append(events, fix("1", now+protocols.Millis(i)*1000, 1, float64(i), 1))
	}
	at := func(from, to int) protocols.Batch {
		return batchOf("j", uint64(from), slices.Clone(events[from:to])...)
	}
	mustWrite(t, s, at(0, 20), Result{Stored: 20})
	var wrong *ErrOffset
	if _, err := s.Write(t.Context(), at(10, 30)); !errors.As(err, &wrong) || wrong.Have != 20 {
		t.Fatalf("overlapping batch: got %v, want ErrOffset with 20", err)
	}
	mustWrite(t, s, at(20, 30), Result{Stored: 10})
	// A folder of another name with the same records: only the key can tell.
	again := at(5, 30)
	again.Source = "copy"
	mustWrite(t, s, again, Result{Duplicates: 25})
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1", Limit: 7}), events)
}

// A device sends again what was not acknowledged: in another session, marked as stored, late.
func (c suite) retransmission(t *testing.T, s Store) {
	first := []protocols.Event{fix("1", now, 1, 1, 1), fix("1", now+1000, 1, 2, 1), fix("1", now+2000, 1, 3, 1)}
	mustWrite(t, s, batchOf("j", 0, slices.Clone(first)...), Result{Stored: 3})
	var again []protocols.Event
	for i, e := range first {
		e.Attrs = slices.Clone(e.Attrs)
		e.Bool("archive", true)
		e.Session, e.Counter, e.Received, e.Late, e.Stored, e.Vehicle = now+99_000, uint32(i), now+99_000, true, true, "other"
		again = append(again, e, e)
	}
	fresh := fix("1", now+3000, 1, 4, 1)
	again = append(again, fresh)
	mustWrite(t, s, batchOf("j", 3, again...), Result{Stored: 1, Duplicates: 6})
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1"}), append(first, fresh))
	// Between swarms of duplicates there are clean batches again.
	for i := range 40 {
		mustWrite(t, s, batchOf("j", 10+uint64(i), fix("2", now+protocols.Millis(i), 1, 1, 1)), Result{Stored: 1})
	}
}

// A writer that dies anywhere and continues from the stored offset stores each record once.
func (c suite) crashReplay(t *testing.T, s Store) {
	rng := rand.New(rand.NewPCG(1, 2))
	var events []protocols.Event
	for i := range 300 {
		events = append(events, fix(fmt.Sprint(i%7), now+protocols.Millis(i)*100, 1, 1, float64(i)))
	}
	stored := 0
	for next, lives := uint64(0), 0; next < 300; lives++ {
		ctx, cancel := context.WithCancel(t.Context())
		if have, found, err := s.Offset(ctx, "j"); err != nil {
			t.Fatal(err)
		} else if found {
			next = have
		}
		for range 3 {
			n := min(1+rng.IntN(40), 300-int(next))
			if n == 0 {
				break
			}
			if rng.IntN(3) == 0 { // killed at some moment of the write
				timer := time.AfterFunc(time.Duration(rng.IntN(2000))*time.Microsecond, cancel)
				defer timer.Stop()
			}
			r, err := s.Write(ctx, batchOf("j", next, slices.Clone(events[next:int(next)+n])...))
			stored += r.Stored
			if err != nil {
				break
			}
			next += uint64(n)
		}
		cancel()
		if lives > 3000 {
			t.Fatal("no progress")
		}
	}
	got := 0
	for i := range 7 {
		list := allHistory(t, s, HistoryQuery{Vehicle: fmt.Sprintf("v-%d", i)})
		got += len(list)
	}
	if got != 300 || stored > 300 {
		t.Errorf("got %d rows (%d reported), want 300", got, stored)
	}
}

func (c suite) competing(t *testing.T, s Store) {
	const total = 400
	var events []protocols.Event
	for i := range total {
		events = append(events, fix(fmt.Sprint(i%5), now+protocols.Millis(i)*100, 1, 1, float64(i)))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	sum, lost := Result{}, 0
	for w := range 2 {
		wg.Go(func() {
			next := uint64(0)
			for next < total {
				end := min(next+uint64(5+w*3), total)
				r, err := s.Write(t.Context(), batchOf("j", next, slices.Clone(events[next:end])...))
				mu.Lock()
				sum.Stored += r.Stored
				sum.Duplicates += r.Duplicates
				mu.Unlock()
				var wrong *ErrOffset
				switch {
				case errors.As(err, &wrong):
					mu.Lock()
					lost++
					mu.Unlock()
					next = wrong.Have
				case err != nil:
					t.Errorf("writer %d: %v", w, err)
					return
				default:
					next = end
				}
			}
		})
	}
	wg.Wait()
	if sum.Stored != total || sum.Duplicates != 0 {
		t.Errorf("got %+v, want %d stored", sum, total)
	}
	t.Logf("the offset refused %d batches", lost)
}

// Two nodes store the same devices at the same time: half of the records are the same.
func (c suite) shared(t *testing.T, s Store) {
	const total = 200
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sum Result
	for w := range 2 {
		wg.Go(func() {
			for i := 0; i < total; i += 20 {
				var events []protocols.Event
				for k := i; k < i+20; k++ {
					speed := float64(k)
					if k%2 == 1 {
						speed += float64(w) / 4
					}
					events = append(events, fix(fmt.Sprint(k%3), now+protocols.Millis(k)*1000, 1, 1, speed))
				}
				rand.Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })
				for try := 0; ; try++ {
					r, err := s.Write(t.Context(), batchOf(fmt.Sprint("j", w), uint64(i), events...))
					if err == nil {
						mu.Lock()
						sum.Stored += r.Stored
						sum.Duplicates += r.Duplicates
						mu.Unlock()
						break
					}
					if try == 20 {
						t.Errorf("writer %d: %v", w, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if want := (Result{Stored: total + total/2, Duplicates: total / 2}); sum != want {
		t.Errorf("got %+v, want %+v", sum, want)
	}
}

func (c suite) differing(t *testing.T, s Store) {
	a, b, d := fix("1", now, 1, 1, 1), fix("1", now, 1, 1, 2), fix("1", now, 1, 1, 3)
	a.FP, b.FP, d.FP = math.MaxInt32, math.MaxInt32, math.MinInt32 // b moves to where d belongs
	mustWrite(t, s, batchOf("j", 0, a), Result{Stored: 1})
	mustWrite(t, s, batchOf("j", 1, b), Result{Stored: 1, Differing: 1})
	mustWrite(t, s, batchOf("j", 2, d), Result{Stored: 1, Differing: 1})
	mustWrite(t, s, batchOf("j", 3, d, b, a), Result{Duplicates: 3})
	mustWrite(t, s, batchOf("j", 6, a), Result{Duplicates: 1})
	// All in one batch, and stored before in another order.
	x, y, z := fix("2", now, 1, 1, 1), fix("2", now, 1, 1, 2), fix("2", now, 1, 1, 3)
	x.FP, y.FP, z.FP = 5, 5, 5
	mustWrite(t, s, batchOf("j", 7, x, y, y, z), Result{Stored: 3, Differing: 2, Duplicates: 1})
	mustWrite(t, s, batchOf("j", 11, z, x, y), Result{Duplicates: 3})
	if n := len(allHistory(t, s, HistoryQuery{Vehicle: "v-1"})) + len(allHistory(t, s, HistoryQuery{Vehicle: "v-2"})); n != 6 {
		t.Errorf("got %d rows, want 6", n)
	}
}

func (c suite) crowded(t *testing.T, s Store) {
	var events []protocols.Event
	for i := range maxProbes + 5 {
		e := fix("1", now, 1, 1, float64(i))
		e.FP = 100
		events = append(events, e)
	}
	mustWrite(t, s, batchOf("j", 0, events...), Result{Stored: maxProbes + 1, Differing: maxProbes, Dead: 4})
	more := fix("1", now, 1, 1, 1000)
	more.FP = 100
	mustWrite(t, s, batchOf("j", uint64(len(events)), more), Result{Dead: 1})
}

func (c suite) timeless(t *testing.T, s Store) {
	beat := func(counter uint32) protocols.Event {
		e := protocols.Event{Vehicle: "v", Device: "1", Protocol: "acme", Kind: protocols.Status, Time: now, Received: now, NoTime: true, FP: 7}
		e.Place(now-1, counter)
		return e
	}
	mustWrite(t, s, batchOf("j", 0, beat(1), beat(2)), Result{Stored: 2})
	mustWrite(t, s, batchOf("j", 2, beat(3)), Result{Stored: 1})
	again := batchOf("copy", 0, beat(1), beat(2), beat(3)) // a replay repeats session and counter
	mustWrite(t, s, again, Result{Duplicates: 3})
}

func (c suite) quarantine(t *testing.T, s Store) {
	wild := []protocols.Event{fix("1", now-30*24*hourMillis, 1, 1, 1), fix("1", now+hourMillis, 1, 1, 2), fix("1", firstTime, 1, 1, 3), fix("1", lastTime, 1, 1, 4)}
	for i := range wild {
		wild[i].Received, wild[i].Session = now, now
	}
	good := fix("1", now, 1, 1, 5)
	mustWrite(t, s, batchOf("j", 0, append(slices.Clone(wild), good)...), Result{Stored: 1, Quarantined: 4})
	again := batchOf("copy", 0, append(slices.Clone(wild), good)...)
	mustWrite(t, s, again, Result{Duplicates: 5})
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1"}), []protocols.Event{good})
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1", Quarantined: true, Limit: 1}), []protocols.Event{wild[2], wild[0], wild[1], wild[3]})

	// By policy, from the next batch on.
	err := s.PutDevices(t.Context(), []protocols.Device{{ID: "1", Vehicle: "v-1", Policy: protocols.Quarantine}, {ID: "2", Policy: protocols.Quarantine}})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s, batchOf("j", 5, fix("1", now+1, 9, 9, 6), fix("2", now+1, 1, 1, 6), fix("3", now+1, 1, 1, 6)), Result{Stored: 1, Quarantined: 2})
	if last, err := s.Last(t.Context(), []string{"v-1", "v-2", "v-3"}); err != nil || len(last) != 2 {
		t.Errorf("last known: %d, %v, want those of v-1 and v-3", len(last), err)
	}
	if err := s.PutDevices(t.Context(), []protocols.Device{{ID: "1", Vehicle: "v-1"}}); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s, batchOf("j", 8, fix("1", now+2, 1, 1, 6)), Result{Stored: 1})
}

// Nothing that a device sends may fail a batch.
func (c suite) hostile(t *testing.T, s Store) {
	e := fix("dev\x00ice\xff", now, 1, 1, math.NaN())
	e.Vehicle, e.Alarm, e.Protocol = "ve\x00h\xfficle", "a\x00b", "ac\xffme"
	e.Alt, e.HDOP = math.Inf(1), math.Inf(-1)
	e.Text("driver_id", "a\x00b\xff\\u0000\x01\u2028")
	e.Text("na\x00me\xff", "")
	e.Float("fuel_l", math.MaxFloat64)
	nan := fix("1", now, 1, 1, 1)
	nan.Lat = math.NaN()
	odd := fix("1", now+1, 1, 1, 1)
	odd.Attrs = nil
	odd.Dec("odometer_m", math.MinInt64, 9)
	odd.Text("odometer_m", "text")
	odd.Text("ignition", "on")
	for i := range 300 {
		odd.Text(fmt.Sprint("t", i), strings.Repeat("x", protocols.MaxText))
	}
	broken := fix("1", now+2, 1, 1, 1)
	broken.JSON("cells", `[1,`)
	tail := fix("1", now+3, 1, 1, 1)
	tail.JSON("cells", `1},{"x":1`)
	nobody := fix("", now, 1, 1, 1)
	long := fix(strings.Repeat("9", 65), now, 1, 1, 1)
	ancient, never := fix("1", firstTime-1, 1, 1, 1), fix("1", math.MaxInt64-2000, 1, 1, 1)
	kind := fix("1", now+4, 1, 1, 1)
	kind.Kind = 200
	mustWrite(t, s, batchOf("j", 0, e, nan, odd, broken, tail, nobody, long, ancient, never, kind), Result{Stored: 3, Dead: 7})

	got := allHistory(t, s, HistoryQuery{Vehicle: "ve\ufffdh\ufffdicle"})
	if len(got) != 1 {
		t.Fatalf("got %d events, want 1", len(got))
	}
	g := got[0]
	if a, _ := g.Attrs.Get("driver_id"); g.Device != "dev\ufffdice\ufffd" || g.Alarm != "a\ufffdb" || g.Protocol != "ac\ufffdme" ||
		g.Has&(protocols.HasSpeed|protocols.HasAlt|protocols.HasHDOP) != 0 {
		t.Errorf("got %s", jsonOf(g))
	} else if text, _ := a.Text(); text != "a\ufffdb\ufffd\\u0000\x01\u2028" {
		t.Errorf("text attribute: %q", text)
	}
	again := batchOf("copy", 0, e, nan, odd)
	mustWrite(t, s, again, Result{Duplicates: 3})
	dead, err := s.DeadLetters(t.Context(), 0, 0)
	if err != nil || len(dead) != 7 || dead[0].Index != 3 || string(dead[0].Raw) != "raw of 1" || !strings.Contains(dead[0].Error, "JSON") {
		t.Errorf("dead letters: %+v, %v", dead, err)
	}
	more, err := s.DeadLetters(t.Context(), dead[4].Number, 1)
	if err != nil || len(more) != 1 || more[0].Number != dead[5].Number {
		t.Errorf("next page of dead letters: %+v, %v", more, err)
	}
}

// The database refuses some rows for a reason of its own: they are alone at the end.
func (c suite) refusedRows(t *testing.T, s Store) {
	mustWrite(t, s, batchOf("j", 0, fix("1", now, 1, 1, 1)), Result{Stored: 1})
	c.poison(t, s)
	var events []protocols.Event
	for i := range 100 {
		e := fix(fmt.Sprint(i%10), now+protocols.Millis(1000+i), 1, 1, 50)
		if i == 0 || i == 37 || i == 38 || i == 99 {
			e.SetSpeed(666)
		}
		events = append(events, e)
	}
	events = append(events, events[5], fix("1", now, 1, 1, 1))
	wild := fix("1", now+hourMillis, 1, 1, 7)
	wild.Received = now
	b := batchOf("j", 1, append(events, wild)...)
	b.Dead = []protocols.DeadLetter{{Index: 50, Raw: []byte("x"), Error: "acme: unknown"}}
	mustWrite(t, s, b, Result{Stored: 96, Duplicates: 2, Quarantined: 1, Dead: 5})
	dead, err := s.DeadLetters(t.Context(), 0, 100)
	if err != nil || len(dead) != 5 {
		t.Fatalf("dead letters: %d, %v, want 5", len(dead), err)
	}
	var at []uint64
	for _, d := range dead {
		at = append(at, d.Index)
	}
	slices.Sort(at)
	if want := []uint64{1, 38, 39, 50, 100}; !slices.Equal(at, want) {
		t.Errorf("dead letters of records %v, want %v", at, want)
	}
	if next, _, err := s.Offset(t.Context(), "j"); next != b.UpTo || err != nil {
		t.Errorf("offset: %d, %v, want %d", next, err, b.UpTo)
	}
	if last, err := s.Last(t.Context(), []string{"v-9"}); err != nil || len(last) != 1 || last[0].Speed != 50 {
		t.Errorf("a refused row became the last known: %v, %v", last, err)
	}
	mustWrite(t, s, batchOf("j", b.UpTo, fix("4", now+9999, 1, 1, 1)), Result{Stored: 1})
}

func (c suite) everythingRefused(t *testing.T, s Store) {
	c.poison(t, s)
	var one, many []protocols.Event
	for i := range 300 {
		one = append(one, fix("1", now+protocols.Millis(i), 1, 1, 666))
		many = append(many, fix(fmt.Sprint(i%100), now+protocols.Millis(i), 1, 1, 666))
	}
	// One device is its own fault.
	mustWrite(t, s, batchOf("j", 0, one...), Result{Dead: 300})
	// If every record of a whole fleet is refused, it is not the records.
	if _, err := s.Write(t.Context(), batchOf("j", 300, many...)); err == nil {
		t.Error("a table that refuses every row was taken for bad data")
	}
	if next, _, err := s.Offset(t.Context(), "j"); next != 300 || err != nil {
		t.Errorf("offset: %d, %v, want 300", next, err)
	}
}

func (c suite) cancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Write(ctx, batchOf("j", 0, fix("1", now, 1, 1, 1))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	mustWrite(t, s, batchOf("j", 0, fix("1", now, 1, 1, 1)), Result{Stored: 1})
	for _, b := range []protocols.Batch{{}, {Source: "j", From: 2, UpTo: 1}, {Source: "j\x00", UpTo: 1}, {Source: "j", UpTo: math.MaxUint64}} {
		if _, err := s.Write(t.Context(), b); !errors.Is(err, ErrRequest) {
			t.Errorf("write of %+v: %v", b, err)
		}
	}
	// A batch without events moves the offset over records that had none.
	mustWrite(t, s, protocols.Batch{Source: "j", From: 1, UpTo: 9}, Result{})
	if next, _, err := s.Offset(t.Context(), "j"); next != 9 || err != nil {
		t.Errorf("offset %d, %v, want 9", next, err)
	}
}
