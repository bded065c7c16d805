package jt808

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// inParts is a message in parts of the given size, as frames.
func inParts(id, serial uint16, message []byte, size int, is2019 bool) (frames [][]byte) {
	parts := (len(message) + size - 1) / size
	for i := range parts {
		body := message[i*size : min((i+1)*size, len(message))]
		attributes := uint16(len(body)) | attrParts
		identity := []byte{1, 0x39, 0x12, 0x34, 0x56, 0x78}
		b := binary.BigEndian.AppendUint16(nil, id)
		if is2019 {
			attributes |= attrVersion
			identity = append(make([]byte, 4), identity...)
		}
		b = binary.BigEndian.AppendUint16(b, attributes)
		if is2019 {
			b = append(b, 1)
		}
		b = append(b, identity...)
		for _, v := range []uint16{serial + uint16(i), uint16(parts), uint16(i + 1)} {
			b = binary.BigEndian.AppendUint16(b, v)
		}
		frames = append(frames, appendFrame(nil, flagStandard, append(b, body...)))
	}
	return frames
}

// batchOf is a batch of stored locations of different times and lengths.
func batchOf(t *testing.T, n int, random *rand.Rand) []byte {
	t.Helper()
	b := []byte{byte(n >> 8), byte(n), 1}
	for i := range n {
		loc := unhex(t, "000000000000000301dc89d0073d8aa5000c01c80057260314153045")
		loc[11], loc[27] = byte(i), byte(i/10<<4|i%10)
		if k := random.IntN(90); k > 0 {
			loc = append(loc, 0xf1, byte(k))
			for range k {
				loc = append(loc, byte(random.Uint32()))
			}
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(loc))), loc...)
	}
	return b
}

// told is what the decoder makes of frames: the ids of locations, how many other events, and how often parts were asked for.
func told(t *testing.T, s *protocols.Session, frames [][]byte, datagram bool) (locations []string, others, asked int) {
	t.Helper()
	f := new(protocols.Frame)
	for _, b := range frames {
		f.Reset()
		n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: b, Received: protocols.CaptureTime, Datagram: datagram, Final: datagram}, f)
		if n != len(b) || err != nil {
			t.Fatalf("%x: %d, %v", b, n, err)
		}
		for i := range f.Events {
			if e := &f.Events[i]; e.Has&protocols.HasFix != 0 {
				locations = append(locations, e.ID())
			} else {
				others++
			}
		}
		if !bytes.HasPrefix(f.Reply, []byte{flagStandard, 0x80, 0x01}) {
			t.Fatalf("%x is not acknowledged: %x", b, f.Reply)
		}
		if bytes.Contains(f.Reply, []byte{flagStandard, flagStandard, 0x80, 0x03}) {
			asked++
		}
		if datagram && len(f.Reply) > len(b) {
			t.Fatalf("%d bytes are answered with %d", len(b), len(f.Reply))
		}
	}
	return locations, others, asked
}

// TestBatchInParts: a batch tells the same locations whole and in parts of any size, in either edition, from any serial number.
func TestBatchInParts(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 4))
	for round := range 300 {
		message := batchOf(t, 1+random.IntN(30), random)
		if len(message) > maxBody {
			message[2] = 1 // whole, it could not be sent: one part is the comparison
		}
		is2019 := round%2 == 1
		var s protocols.Session
		c := call{s: &s, f: new(protocols.Frame), received: protocols.CaptureTime, body: message}
		c.id = msgBatch
		c.batch()
		var want []string
		for i := range c.f.Events {
			c.f.Events[i].Device = "13912345678"
			want = append(want, c.f.Events[i].ID())
		}
		size := 1 + random.IntN(200)
		if round%10 == 0 {
			size = 1 + random.IntN(5)
		}
		frames := inParts(msgBatch, uint16(random.Uint32()), message, size, is2019)
		if len(frames) < 2 {
			continue
		}
		s = protocols.Session{}
		got, _, asked := told(t, &s, frames, false)
		if !slices.Equal(got, want) || asked != 0 {
			t.Fatalf("parts of %d bytes: %d locations, asked %d times; want %d:\n%v\n%v", size, len(got), asked, len(want), got, want)
		}
		if again, others, _ := told(t, &s, frames[len(frames)-1:], false); len(again)+others != 0 {
			t.Errorf("the last part again: %d events", len(again)+others)
		}
	}
}

// TestPartsLost: parts that are lost on their way are asked for, and a terminal that sends them again has all its locations told; parts in any
// order are each on record.
func TestPartsLost(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 3))
	for range 300 {
		message := batchOf(t, 2+random.IntN(20), random)
		frames := inParts(msgBatch, 9, message, 20+random.IntN(300), random.IntN(2) == 0)
		var whole, s protocols.Session
		want, _, _ := told(t, &whole, frames, false)
		queue := make([]int, len(frames))
		for i := range queue {
			queue[i] = i
		}
		seen := map[string]bool{}
		f := new(protocols.Frame)
		for sent := 0; len(queue) > 0 && sent < 4000; sent++ {
			i := queue[0]
			queue = queue[1:]
			if sent < len(frames) && random.IntN(4) == 0 && i != len(frames)-1 {
				continue // lost
			}
			f.Reset()
			if n, err := protocols.Next(&Protocol, &s, protocols.Input{Bytes: frames[i], Received: protocols.CaptureTime}, f); n == 0 || err != nil {
				t.Fatal(n, err)
			}
			for k := range f.Events {
				if e := &f.Events[k]; e.Has&protocols.HasFix != 0 {
					seen[e.ID()] = true
				}
			}
			queue = append(queue, asksFor(f.Reply)...)
		}
		for _, id := range want {
			if !seen[id] {
				t.Fatalf("%d parts: %s is not told", len(frames), id)
			}
		}
	}
}

// asksFor are the parts, from 0, that an answer asks for.
func asksFor(reply []byte) (parts []int) {
	_, second, _ := bytes.Cut(reply, []byte{flagStandard, flagStandard})
	if len(second) == 0 || second[0] != 0x80 || second[1] != 0x03 {
		return nil
	}
	var u unit
	u.flag = flagStandard
	u.unescape(second[:len(second)-1])
	defer u.release()
	at := headerSize(u.content, flagStandard)
	body := u.content[at+2 : len(u.content)-1]
	if binary.BigEndian.Uint16(u.content[2:])&attrVersion != 0 {
		body = body[1:]
	}
	for i := range int(body[0]) {
		parts = append(parts, int(binary.BigEndian.Uint16(body[1+2*i:]))-1)
	}
	return parts
}

// TestPartsOverUDP: the answer to a datagram is never longer than the datagram; parts are asked for where that leaves room.
func TestPartsOverUDP(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	total := 0
	for range 100 {
		frames := inParts(msgBatch, 1, batchOf(t, 5, random), 10+random.IntN(100), random.IntN(2) == 0)
		random.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
		_, _, asked := told(t, new(protocols.Session), frames, true)
		total += asked
	}
	if total == 0 {
		t.Error("no part was asked for")
	}
}

// TestEveryPartIsOnRecord: whatever comes in whatever order, what was acknowledged is in an event or was in one before, the State stays within its
// limit, and a frame by itself means the same.
func TestEveryPartIsOnRecord(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	ids := []uint16{msgBatch, msgTransparent, msgMediaData, msgParameters, msgTextVendor}
	for range 400 {
		var stream []byte
		for range 1 + random.IntN(4) {
			message := make([]byte, 1+random.IntN(1500))
			for i := range message {
				message[i] = byte(random.Uint32() >> uint(random.IntN(28)))
			}
			if random.IntN(2) == 0 {
				message = batchOf(t, 1+random.IntN(12), random)
			}
			frames := inParts(ids[random.IntN(len(ids))], uint16(random.IntN(4)), message, 1+random.IntN(600), random.IntN(2) == 0)
			for i := range frames {
				if random.IntN(6) == 0 {
					j := random.IntN(len(frames))
					frames[i], frames[j] = frames[j], frames[i]
				}
				stream = append(stream, frames[i]...)
				if random.IntN(8) == 0 {
					stream = append(stream, frames[random.IntN(len(frames))]...)
				}
			}
		}
		var s protocols.Session
		want := transcript(t, s, stream)
		cut := random.IntN(len(stream))
		if got := transcript(t, s, stream[:cut], stream[cut:]); got != want {
			t.Fatalf("cut at %d:\n%s\nwant\n%s", cut, got, want)
		}
		if strings.Contains(want, "! ") {
			t.Fatalf("refused: %s", want)
		}
	}
}

// TestAssemblyState: what the State carries is read as it was written, at its largest too.
func TestAssemblyState(t *testing.T) {
	s := protocols.Session{State: "7u01" + strings.Repeat("9", 20)}
	c := call{s: &s}
	a := &assembly{id: 0x704, first: 0xffff, parts: 65535, next: 65536, seen: 65535, asked: 65535, mode: batchStored, last: 0xdeadbeef}
	a.tail = bytes.Repeat([]byte{'/'}, a.room()-2*earlyHead-7)
	a.early = []earlyPart{{2, []byte("early")}, {65535, []byte{0, 1}}}
	if a.room() != 0 {
		t.Fatalf("%d bytes left", a.room())
	}
	c.carry(a)
	if len(s.State) != protocols.MaxState || stateText(s.State) != "7u01"+strings.Repeat("9", 20) {
		t.Errorf("a state of %d bytes, %q", len(s.State), stateText(s.State))
	}
	if b := c.pending(); b == nil || fmt.Sprint(*a) != fmt.Sprint(*b) {
		t.Errorf("%v, want %v", b, a)
	}
	for cut := range len(s.State) {
		short := call{s: &protocols.Session{State: s.State[:cut]}}
		short.pending() // whatever it is, it does not panic
	}
	other := protocols.Session{Device: "99999999999999999999", State: s.State}
	if b, err := encode(&other, protocols.Command{Name: "position"}); err != nil || len(b) == 0 {
		t.Errorf("a command amid a message in parts: %x, %v", b, err)
	}
}
