package persistence

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func (c suite) registry(t *testing.T, s Store) {
	ctx := t.Context()
	rev, err := s.Revision(ctx)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(want ...string) []protocols.Device {
		t.Helper()
		list, next, err := s.DevicesChanged(ctx, rev, 2)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, d := range list {
			ids = append(ids, d.ID)
		}
		if !slices.Equal(ids, want) || (next == rev) != (len(want) == 0) {
			t.Fatalf("changed: got %q and revision %d after %d, want %q", ids, next, rev, want)
		}
		rev = next
		return list
	}
	changed()
	options, err := protocols.ParseOptions([]string{"model=X1", "zone=-03:30", "unit=mph", "tolerate_checksum=true", "networks=10.0.0.0/8,2001:db8::1", "family=a", "b=c"})
	if err != nil {
		t.Fatal(err)
	}
	full := protocols.Device{ID: "b", Vehicle: "truck 'é'", Groups: []string{"north", "a\"b,{}"}, Options: options, Policy: protocols.Reject}
	if err := s.PutDevices(ctx, []protocols.Device{full, {ID: "a"}, {ID: "c", Vehicle: "c"}}); err != nil {
		t.Fatal(err)
	}
	list := changed("a", "b", "c") // of one revision, so the page is longer
	if g, w := fmt.Sprintf("%+v", list[1]), fmt.Sprintf("%+v", full); g != w {
		t.Errorf("device:\n got %s\nwant %s", g, w)
	}
	if d, found, err := s.Device(ctx, "a"); !found || err != nil || d.Vehicle != "a" || d.Policy != protocols.Accept || d.Groups != nil {
		t.Errorf("device a: %+v %v %v", d, found, err)
	}
	changed()
	mustWrite(t, s, batchOf("j", 0, fix("d", now, 1, 1, 1), fix("a", now, 1, 1, 1)), Result{Stored: 2})
	changed("d") // registered by itself
	mustWrite(t, s, batchOf("j", 2, fix("d", now+1, 1, 1, 1)), Result{Stored: 1})
	changed()
	for _, put := range []string{"c", "a"} {
		if err := s.PutDevices(ctx, []protocols.Device{{ID: put, Vehicle: "v2"}}); err != nil {
			t.Fatal(err)
		}
	}
	changed("c", "a")
	if d, found, err := s.Device(ctx, "a"); !found || err != nil || d.Vehicle != "v2" {
		t.Errorf("device a: %+v %v %v", d, found, err)
	}
	if _, found, err := s.Device(ctx, "zz"); found || err != nil {
		t.Errorf("unknown device: %v %v", found, err)
	}
	page, err := s.Devices(ctx, "a", 2)
	if err != nil || len(page) != 2 || page[0].ID != "b" || page[1].ID != "c" {
		t.Errorf("page of devices: %+v, %v", page, err)
	}
	for _, bad := range []protocols.Device{{}, {ID: strings.Repeat("x", 65)}, {ID: "x", Policy: "maybe"}, {ID: "x\x00"}, {ID: "x", Groups: []string{""}}} {
		if err := s.PutDevices(ctx, []protocols.Device{{ID: "fine"}, bad}); !errors.Is(err, ErrRequest) {
			t.Errorf("put %+v: %v", bad, err)
		}
	}
	if _, found, _ := s.Device(ctx, "fine"); found {
		t.Error("a refused list was put in part")
	}
}

func (c suite) grants(t *testing.T, s Store) {
	ctx := t.Context()
	want := func(sub string, vehicles, groups []string) {
		t.Helper()
		v, g, err := s.Grants(ctx, sub)
		if err != nil || !slices.Equal(v, vehicles) || !slices.Equal(g, groups) {
			t.Errorf("grants of %s: %q %q %v, want %q %q", sub, v, g, err, vehicles, groups)
		}
	}
	before, _ := s.Revision(ctx)
	for _, g := range []Grant{{"ann", "v2", ""}, {"ann", "v1", ""}, {"ann", "", "north"}, {"bob", "*", ""}, {"ann", "v1", ""}} {
		if err := s.PutGrant(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	want("ann", []string{"v1", "v2"}, []string{"north"})
	want("bob", []string{"*"}, nil)
	want("eve", nil, nil)
	mid, _ := s.Revision(ctx)
	if err := s.RemoveGrant(ctx, Grant{"ann", "v1", ""}); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveGrant(ctx, Grant{"ann", "", "north"}); err != nil {
		t.Fatal(err)
	}
	want("ann", []string{"v2"}, nil)
	if after, err := s.Revision(ctx); before >= mid || mid >= after || err != nil {
		t.Errorf("revisions %d, %d, %d, %v do not go up", before, mid, after, err)
	}
	for _, g := range []Grant{{}, {"ann", "", ""}, {"ann", "v", "g"}, {"", "v", ""}, {"ann", "v\x00", ""}} {
		if err := s.PutGrant(ctx, g); !errors.Is(err, ErrRequest) {
			t.Errorf("put %+v: %v", g, err)
		}
	}
}

func (c suite) retention(t *testing.T, s Store) {
	old := now - 28*24*hourMillis
	var events []protocols.Event
	for i := range 50 {
		e := fix(fmt.Sprint(i%3), old+protocols.Millis(i)*1000, 1, 1, float64(i))
		events = append(events, e, fix(fmt.Sprint(i%3), now+protocols.Millis(i)*1000, 1, 1, float64(i)))
	}
	wild := fix("0", now-60*24*hourMillis, 1, 1, 1)
	wild.Received = now
	b := batchOf("j", 0, append(events, wild)...)
	b.Dead = []protocols.DeadLetter{{Index: 3, Raw: []byte("x"), Error: "y"}}
	mustWrite(t, s, b, Result{Stored: 100, Quarantined: 1, Dead: 1})
	n, err := s.Retain(t.Context(), now)
	if err != nil || n != 0 {
		t.Fatalf("nothing is old: %d, %v", n, err)
	}
	if c.timed {
		n, err = s.Retain(t.Context(), now+3*24*hourMillis)
		if err != nil || n != 50 {
			t.Errorf("raw events: %d deleted, %v, want 50", n, err)
		}
		if n := len(allHistory(t, s, HistoryQuery{Vehicle: "v-0", To: now})); n != 0 {
			t.Errorf("%d old rows are left", n)
		}
	}
	if hours, err := s.Hourly(t.Context(), "v-0", old-hourMillis, 0); c.timed && (err != nil || len(hours) != 2) {
		t.Errorf("%d hours are left, %v, want 2", len(hours), err)
	}
	// Long after, what is kept apart goes, and the dead letter, whose time is that of the write.
	if _, err = s.Retain(t.Context(), now+32*24*hourMillis); err != nil {
		t.Fatal(err)
	}
	if n := len(allHistory(t, s, HistoryQuery{Vehicle: "v-0", Quarantined: true})); n != 0 {
		t.Errorf("%d rows in quarantine are left", n)
	}
	if dead, err := s.DeadLetters(t.Context(), 0, 0); err != nil || len(dead) != 0 {
		t.Errorf("dead letters are left: %v, %v", dead, err)
	}
	if last, err := s.Last(t.Context(), []string{"v-0"}); err != nil || len(last) != 1 {
		t.Errorf("a parked vehicle is forgotten: %v, %v", last, err)
	}
}

func (c suite) check(t *testing.T, s Store) {
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("first close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}
