package teltonika

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// randomRecord is a sound record of codec 8, 8E or 16 with elements of any id and value.
func randomRecord(random *rand.Rand, codec byte) []byte {
	number := func(b []byte, width int, v uint64) []byte {
		for k := width - 1; k >= 0; k-- {
			b = append(b, byte(v>>(8*k)))
		}
		return b
	}
	value := func() uint64 {
		v := random.Uint64()
		switch random.IntN(4) {
		case 0:
			return v & 3
		case 1:
			return v | 1<<63
		}
		return v >> random.IntN(64)
	}
	idWidth, countWidth, limit := 1, 1, 256
	switch codec {
	case codec8E:
		idWidth, countWidth, limit = 2, 2, 65536
	case codec16:
		idWidth, limit = 2, 65536
	}
	id := func() uint64 {
		all := fmb.rows
		if codec == codec16 {
			all = fmx6.rows
		}
		if known := uint64(all[1+random.IntN(len(all)-1)].id); random.IntN(4) > 0 && known < uint64(limit) {
			return known
		}
		return uint64(random.IntN(limit))
	}
	b := binary.BigEndian.AppendUint64(nil, value())
	for range 16 {
		b = append(b, byte(value()))
	}
	b = number(b, idWidth, id())
	if codec == codec16 {
		b = append(b, byte(random.IntN(9)))
	}
	b = number(b, countWidth, uint64(random.IntN(40)))
	for width := 1; width <= 8; width *= 2 {
		n := random.IntN(12)
		b = number(b, countWidth, uint64(n))
		for range n {
			b = number(number(b, idWidth, id()), width, value())
		}
	}
	if codec == codec8E {
		n := random.IntN(6)
		b = number(b, 2, uint64(n))
		for range n {
			v := make([]byte, random.IntN(80))
			for k := range v {
				v[k] = byte(value())
			}
			b = append(number(number(b, 2, id()), 2, uint64(len(v))), v...)
		}
	}
	return b
}

// randomGH is a sound record of codec 7.
func randomGH(random *rand.Rand) []byte {
	b := binary.BigEndian.AppendUint32(nil, random.Uint32())
	mask := byte(random.Uint32()) & 15
	b = append(b, mask)
	if mask&1 != 0 {
		gps := byte(random.Uint32())
		b = append(b, gps)
		for k, n := range [8]int{8, 2, 1, 1, 1, 4, 1, 4} {
			for range n * int(gps>>k&1) {
				b = append(b, byte(random.Uint32()))
			}
		}
	}
	for k, width := range [...]int{1, 2, 4} {
		if mask>>(k+1)&1 == 0 {
			continue
		}
		n := random.IntN(8)
		b = append(b, byte(n))
		for range n * (1 + width) {
			b = append(b, byte(random.Uint32()))
		}
	}
	return b
}

// Sound packets of random elements are read whole; cut short by a byte anywhere they are refused whole. Either way what
// comes of them is sane.
func TestRandomRecords(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	codecs := []byte{codec8, codec8E, codec16, codecGH}
	models := []string{"", "fmb", "fmx6", "tat"}
	for round := range 4000 {
		codec := codecs[random.IntN(len(codecs))]
		var records [][]byte
		for range 1 + random.IntN(3) {
			if codec == codecGH {
				records = append(records, randomGH(random))
			} else {
				records = append(records, randomRecord(random, codec))
			}
		}
		s := protocols.Session{Device: testIMEI, Options: protocols.Options{Model: models[random.IntN(len(models))]}}
		b := avlPacket(codec, records...)
		n, f, err := next(&s, b)
		if n != len(b) || err != nil || len(f.Events) != len(records) || len(f.Reply) != 4 || int(f.Reply[3]) != len(records) {
			t.Fatalf("round %d, codec %02x: %d of %d bytes, %v, %d events, reply %x\n%x", round, codec, n, len(b), err, len(f.Events), f.Reply, b)
		}
		sane(t, &f)

		last := records[len(records)-1]
		at := random.IntN(len(last))
		records[len(records)-1] = append(append([]byte(nil), last[:at]...), last[at+1:]...)
		n, f, err = next(&s, avlPacket(codec, records...))
		var panicked *protocols.PanicError
		if errors.As(err, &panicked) {
			t.Fatalf("%v\n%s", panicked, panicked.Stack)
		}
		if n != len(b)-1 || err != nil && len(f.Events)+len(f.Reply) != 0 {
			t.Fatalf("round %d without a byte: %d, %v, %d events", round, n, err, len(f.Events))
		}
		sane(t, &f)
	}
}
