package gateway

import (
	"net/netip"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/egts"
)

// TestPlatformOfStrangers: a packet of a platform that speaks of a device which is not accepted is not taken, nor answered; one of accepted devices is.
func TestPlatformOfStrangers(t *testing.T) {
	file, err := os.Open("../testdata/egts/platform.tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	capture, err := protocols.ReadCapture(file, false)
	if err != nil {
		t.Fatal(err)
	}
	packet := capture.Segments()[1] // records of 501 and 502
	try := func(unknown protocols.Policy, known ...protocols.Device) (records int, answer []byte, s *session) {
		t.Helper()
		cfg := testConfig("", "")
		m := newMetrics(prometheus.NewRegistry())
		c := &core{cfg: &cfg, registry: NewRegistry(&devices{}, unknown, zap.NewNop()), m: m, log: zap.NewNop(), refusals: newRefusals(t.TempDir(), 1, m, zap.NewNop())}
		if err := c.registry.Put(t.Context(), known); err != nil {
			t.Fatal(err)
		}
		s = c.newSession(&listener{protocol: &egts.Protocol}, netip.MustParseAddrPort("127.0.0.1:1"), protocols.CaptureTime)
		s.transport = noTransport{}
		w := newWorker(-1)
		if n, _, why := s.next(w, packet, protocols.CaptureTime, false); n != len(packet) || why != "" {
			t.Fatalf("%d of %d bytes, %q", n, len(packet), why)
		}
		return len(w.ends), w.out, s
	}
	first := protocols.Device{ID: "501", Vehicle: "501", Policy: protocols.Accept}
	second := protocols.Device{ID: "502", Vehicle: "502", Policy: protocols.Accept}
	if records, answer, s := try(protocols.Reject, first); records != 0 || len(answer) != 0 || s.lastRefusal == nil {
		t.Errorf("a stranger's record: %d journal records, answer %x, %v", records, answer, s.lastRefusal)
	}
	if records, answer, _ := try(protocols.Reject, first, second); records != 1 || len(answer) == 0 {
		t.Errorf("known devices: %d journal records, answer %x", records, answer)
	}
	if records, answer, s := try(protocols.Accept); records != 1 || len(answer) == 0 || s.lastRefusal != nil {
		t.Errorf("unknown devices under policy accept: %d journal records, answer %x, %v", records, answer, s.lastRefusal)
	}
	second.Policy = protocols.Reject
	if records, answer, _ := try(protocols.Accept, second); records != 0 || len(answer) != 0 {
		t.Errorf("a rejected device's record: %d journal records, answer %x", records, answer)
	}
}
