package replay

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

var begun = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// side is one end of a connection in a made-up capture.
type side struct {
	ip   string
	port uint16
}

var (
	device = side{"10.0.0.7", 40000}
	server = side{"192.0.2.1", 5023}
)

// flags of a made-up TCP segment.
type flags struct{ syn, ack, fin bool }

func tcp(t *testing.T, from, to side, seq uint32, f flags, payload string) []byte {
	return build(t, from, to, &layers.TCP{SrcPort: layers.TCPPort(from.port), DstPort: layers.TCPPort(to.port), Seq: seq, SYN: f.syn,
		ACK: f.ack, FIN: f.fin, Window: 1000}, payload)
}

func udp(t *testing.T, from, to side, payload string) []byte {
	return build(t, from, to, &layers.UDP{SrcPort: layers.UDPPort(from.port), DstPort: layers.UDPPort(to.port)}, payload)
}

func build(t *testing.T, from, to side, transport gopacket.SerializableLayer, payload string) []byte {
	t.Helper()
	proto := layers.IPProtocolTCP
	if _, ok := transport.(*layers.UDP); ok {
		proto = layers.IPProtocolUDP
	}
	src, dst := net.ParseIP(from.ip), net.ParseIP(to.ip)
	var ip gopacket.SerializableLayer
	ether := layers.EthernetTypeIPv4
	if src.To4() != nil {
		v4 := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: proto, SrcIP: src, DstIP: dst}
		setNetwork(transport, v4)
		ip = v4
	} else {
		v6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: src, DstIP: dst}
		setNetwork(transport, v6)
		ip, ether = v6, layers.EthernetTypeIPv6
	}
	b := gopacket.NewSerializeBuffer()
	eth := &layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: ether}
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, transport,
		gopacket.Payload(payload)); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

func setNetwork(transport gopacket.SerializableLayer, n gopacket.NetworkLayer) {
	switch l := transport.(type) {
	case *layers.TCP:
		l.SetNetworkLayerForChecksum(n)
	case *layers.UDP:
		l.SetNetworkLayerForChecksum(n)
	}
}

// writeFile writes packets, a second apart, as pcap or pcapng by the name's end.
func writeFile(t *testing.T, name string, packets ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var write func(gopacket.CaptureInfo, []byte) error
	if strings.HasSuffix(name, ".pcapng") {
		w, err := pcapgo.NewNgWriter(f, layers.LinkTypeEthernet)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Flush()
		write = w.WritePacket
	} else {
		w := pcapgo.NewWriter(f)
		if err := w.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
			t.Fatal(err)
		}
		write = w.WritePacket
	}
	for i, p := range packets {
		kept := len(p)
		if err := write(gopacket.CaptureInfo{Timestamp: begun.Add(time.Duration(i) * time.Second), CaptureLength: kept, Length: kept}, p); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// show writes conversations as text: d: and s: are what device and server said, with the seconds at which they did.
func show(list []Conversation) string {
	var out []string
	for _, c := range list {
		var steps []string
		if c.Datagram {
			steps = append(steps, "udp")
		}
		for _, s := range c.Steps {
			who := "d"
			if s.Server {
				who = "s"
			}
			steps = append(steps, fmt.Sprintf("%s%v:%s", who, s.At.Seconds(), s.Data))
		}
		if c.Lost > 0 {
			steps = append(steps, fmt.Sprintf("lost %d", c.Lost))
		}
		out = append(out, strings.Join(steps, " "))
	}
	return strings.Join(out, " | ")
}

func TestPcap(t *testing.T) {
	up := func(seq uint32, payload string) []byte { return tcp(t, device, server, seq, flags{ack: true}, payload) }
	down := func(seq uint32, payload string) []byte { return tcp(t, server, device, seq, flags{ack: true}, payload) }
	syn := tcp(t, device, server, 99, flags{syn: true}, "")
	synAck := tcp(t, server, device, 499, flags{syn: true, ack: true}, "")
	other := side{"10.0.0.8", 40001}
	v6 := side{"2001:db8::7", 40000}
	v6Server := side{"2001:db8::1", 5023}
	for _, c := range []struct {
		name    string
		packets [][]byte
		want    string
	}{
		{"both directions", [][]byte{syn, synAck, up(100, "login"), down(500, "ok"), up(105, "fix")}, "d0:login s1:ok d2:fix"},
		{"sent again", [][]byte{syn, up(100, "login"), up(100, "login"), down(500, "ok"), down(500, "ok"), up(105, "fix"), up(100, "loginfix!")},
			"d0:login s2:ok d4:fix d5:!"},
		{"out of order", [][]byte{syn, up(105, "two"), up(108, "three"), up(100, "one.."), up(113, "four")}, "d0:one.. d0:two d0:three d1:four"},
		{"keep-alives and bare acks", [][]byte{syn, up(100, "a"), up(100, "x"), up(101, ""), down(500, ""), up(101, "b")}, "d0:a d4:b"},
		{"a gap that is never filled", [][]byte{syn, up(100, "one"), up(110, "two"), up(113, "three")}, "d0:one d1:two d2:three lost 7"},
		{"numbers wrap", [][]byte{tcp(t, device, server, 0xfffffffd, flags{syn: true}, ""), up(0xfffffffe, "abcd"), up(5, "z"), up(2, "efg")},
			"d0:abcd d2:efg d2:z"},
		{"no start, the server by its port", [][]byte{down(500, "ok"), up(100, "fix")}, "s0:ok d1:fix"},
		{"no start, unknown ports", [][]byte{tcp(t, side{"192.0.2.1", 900}, other, 1, flags{ack: true}, "ok"), tcp(t, other, side{"192.0.2.1", 900}, 1, flags{ack: true}, "fix")},
			"s0:ok d1:fix"},
		{"SYN and ACK only", [][]byte{synAck, up(100, "fix")}, "d0:fix"},
		{"the same ports again", [][]byte{syn, up(100, "one"), tcp(t, device, server, 7000, flags{syn: true}, ""), up(7001, "two")}, "d0:one | d0:two"},
		{"a SYN sent again", [][]byte{syn, syn, up(100, "one")}, "d0:one"},
		{"two devices", [][]byte{up(100, "a"), tcp(t, other, server, 7, flags{ack: true}, "b"), up(101, "c")}, "d0:a d2:c | d0:b"},
		{"UDP", [][]byte{udp(t, device, server, "fix"), udp(t, server, device, "ok"), udp(t, device, server, "fix")}, "udp d0:fix s1:ok d2:fix"},
		{"UDP, the server first", [][]byte{udp(t, server, device, "hello"), udp(t, device, server, "fix")}, "udp s0:hello d1:fix"},
		{"IPv6", [][]byte{tcp(t, v6, v6Server, 1, flags{ack: true}, "a"), udp(t, v6, v6Server, "b")}, "d0:a | udp d0:b"},
		{"what is not TCP or UDP", [][]byte{{1, 2, 3}, make([]byte, 60), up(100, "a")}, "d0:a"},
	} {
		for _, ext := range []string{".pcap", ".pcapng"} {
			t.Run(c.name+ext, func(t *testing.T) {
				l := Loader{ServerPort: func(p uint16) bool { return p == 5023 }}
				list, err := l.Load(writeFile(t, "x"+ext, c.packets...))
				if err != nil {
					t.Fatal(err)
				}
				if got := show(list); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			})
		}
	}
}

// TestPcapCutPackets: a capture that kept only the start of packets says how much it lacks.
func TestPcapCutPackets(t *testing.T) {
	whole := tcp(t, device, server, 100, flags{ack: true}, "abcdefgh")
	list, err := new(Loader).Load(writeFile(t, "x.pcap", whole[:len(whole)-3], tcp(t, device, server, 108, flags{ack: true}, "next")))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(list), "d0:abcde d1:next lost 3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestPcapCutFile: a file that ends within a packet gives what came before, with a note; one that is no capture is an error.
func TestPcapCutFile(t *testing.T) {
	for _, ext := range []string{".pcap", ".pcapng"} {
		path := writeFile(t, "x"+ext, tcp(t, device, server, 100, flags{ack: true}, "one"), tcp(t, device, server, 103, flags{ack: true}, "two"))
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw[:len(raw)-10], 0o600); err != nil {
			t.Fatal(err)
		}
		var notes []string
		l := Loader{Note: func(s string) { notes = append(notes, s) }}
		list, err := l.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := show(list); got != "d0:one" || len(notes) != 1 || !strings.Contains(notes[0], "ends within a packet") {
			t.Errorf("%s: got %s, notes %q", ext, got, notes)
		}
		for _, n := range []int{0, 3, 20} {
			if err := os.WriteFile(path, raw[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Load(path); err == nil {
				t.Errorf("%s of %d bytes: no error", ext, n)
			}
		}
	}
}

// TestStreamBounded: what waits for a gap is bounded; beyond, the gap is given up.
func TestStreamBounded(t *testing.T) {
	var s stream
	s.begin(0)
	var got int
	emit := func(_ time.Time, b []byte) { got += len(b) }
	block := make([]byte, 1000)
	for i := range 5000 {
		s.add(uint32(1+i*1000), begun, block, 0, emit)
		if s.waiting > maxPending {
			t.Fatalf("%d bytes wait", s.waiting)
		}
	}
	s.end(emit)
	if got != 5_000_000 || s.lost != 1 {
		t.Errorf("got %d bytes, lost %d", got, s.lost)
	}
}

// FuzzPcap: no file makes the reader panic or say more than it holds.
func FuzzPcap(f *testing.F) {
	f.Add([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00"))
	f.Add([]byte("\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "x.pcap")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		list, _ := new(Loader).Load(path)
		sum := 0
		for i := range list {
			d, s := list[i].Bytes()
			sum += d + s
			if !slices.IsSortedFunc(list[i].Steps, func(a, b Step) int { return int(a.At - b.At) }) {
				t.Error("time runs backwards")
			}
		}
		if sum > len(raw) && raw[0] != 0x1f { // gzip
			t.Errorf("%d bytes out of %d", sum, len(raw))
		}
	})
}
