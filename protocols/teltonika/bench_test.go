package teltonika

import (
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// typicalRecord is a record with the thirteen elements that a default configuration sends.
func typicalRecord(ms uint64) []byte {
	r := newRecord(ms)
	r.bytes(1, 239, 1, 240, 1, 21, 5, 200, 0, 69, 1)
	r.words(2, 181, 11, 182, 6, 66, 14363, 24, 94, 205, 792, 206, 6605, 67, 3928)
	r.words(4, 241, 25001)
	r.words(8)
	return r.b
}

func benchmarkPacket(b *testing.B, n int) {
	var records [][]byte
	for i := range n {
		records = append(records, typicalRecord(1780315200000+1000*uint64(i)))
	}
	p := avlPacket(codec8, records...)
	s := protocols.Session{Device: "356307042441013"}
	in := protocols.Input{Bytes: p, Received: protocols.CaptureTime}
	var f protocols.Frame
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		f.Reset()
		if used, err := protocols.Next(&Protocol, &s, in, &f); used != len(p) || err != nil || len(f.Events) != n {
			b.Fatal(used, err, len(f.Events))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/record")
}

func BenchmarkPacketOf1(b *testing.B)  { benchmarkPacket(b, 1) }
func BenchmarkPacketOf20(b *testing.B) { benchmarkPacket(b, 20) }

func BenchmarkDetect(b *testing.B) {
	first := append([]byte{0, 15}, "356307042441013"...)
	b.ReportAllocs()
	for b.Loop() {
		if v, _ := detect(first, false); v != protocols.Sure {
			b.Fatal(v)
		}
	}
}
