package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/configs"
	"github.com/trackgate/trackgate/gateway/simulate/ledger"
	"github.com/trackgate/trackgate/persistence"
	"github.com/trackgate/trackgate/protocols"
)

// judge ends the load and passes the verdict.
func (s *siege) judge() ledger.Report {
	t := s.t
	t.Helper()
	s.leave()
	r := s.verified()
	s.inOrder(false)
	return r
}

// leave checks that the gateways need no more memory than they did, and ends the load once the devices have got rid of everything.
func (s *siege) leave() {
	t := s.t
	t.Helper()
	for _, b := range s.nodes {
		b.usual.flat()
	}
	s.fleet.cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-s.fleet.done:
		if err != nil {
			t.Errorf("the fleet: %v\n%s", err, s.fleet.said())
		}
	case <-time.After(4 * time.Minute):
		t.Fatalf("the fleet does not end\n%s", s.fleet.said())
	}
	s.fleet = nil
}

// verified holds the file of acknowledged records against the store.
func (s *siege) verified() ledger.Report {
	t := s.t
	t.Helper()
	r, out, failed := s.compare("3m")
	if failed != nil || r.Matching != r.Acked || r.Acked == 0 {
		t.Errorf("verify: %v\n%s", failed, out)
	}
	return r
}

// compare runs trackgate verify.
func (s *siege) compare(wait string) (r ledger.Report, out string, failed error) {
	t := s.t
	t.Helper()
	out, failed = run(t, s.env, "verify", "--json", "--data", s.nodes[0].data, "--acked", s.acked, "--wait", wait)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("verify: %v, %v\n%s", failed, err, out)
	}
	return r, out, failed
}

// inOrder compares, per device, the order in which rows were taken with that in which the records were made; of a device that talked to several gateways at
// once, only within each of its sessions.
func (s *siege) inOrder(atOnce bool) {
	t := s.t
	t.Helper()
	c := new(settings)
	if err := configs.Load("", s.env, c); err != nil {
		t.Fatal(err)
	}
	if c.Store.Path == "" {
		c.Store.Path = filepath.Join(s.nodes[0].data, "trackgate.db")
	}
	store, err := persistence.Open(t.Context(), c.Store, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	f, err := os.Open(s.acked)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	devices := make(map[string]bool)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if device, _, ok := strings.Cut(lines.Text(), ","); ok && device != "device" {
			devices[device] = true
		}
	}
	type taken struct {
		session protocols.Millis
		counter uint32
		record  float64
	}
	for device := range devices {
		var list []taken
		if err := storedRows(store)(t.Context(), device, func(e *protocols.Event) {
			if a, ok := e.Attrs.Get("odometer_m"); ok {
				record, _ := a.Float()
				list = append(list, taken{e.Session, e.Counter, record})
			}
		}); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(list, func(a, b taken) int {
			if a.session != b.session {
				return int(a.session - b.session)
			}
			return int(a.counter) - int(b.counter)
		})
		for i := 1; i < len(list); i++ {
			if list[i].record <= list[i-1].record && (!atOnce || list[i].session == list[i-1].session) {
				t.Errorf("%s: record %.0f was taken after %.0f", device, list[i].record, list[i-1].record)
				break
			}
		}
	}
}
