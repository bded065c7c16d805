package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"testing"
)

// FuzzRecover opens a journal whose only segment holds arbitrary bytes. In mode 1 it gets a sound header, in mode 2 sound
// checksums for everything that looks like a block besides, so that recovery has to believe more of it.
func FuzzRecover(f *testing.F) {
	const size, salt = 16 << 10, 0x1122334455667788
	var b Batch
	sound := make([]byte, segmentHeader)
	putSegmentHeader(sound, 0, salt)
	for i := range uint64(5) {
		b.Reset()
		for j := range uint64(3) {
			b.Add(payload(3*i + j))
		}
		b.stamp(3*i, salt)
		sound = append(sound, b.buf...)
	}
	f.Add(byte(0), sound)
	f.Add(byte(0), sound[:len(sound)-5])
	f.Add(byte(0), append(bytes.Clone(sound), make([]byte, 500)...))
	f.Add(byte(0), []byte{})
	f.Add(byte(0), make([]byte, 200))
	f.Add(byte(1), sound[400:])
	for _, off := range []int{0, 20, 61, 64, 68, 72, 80, 95, 96, 700, len(sound) - 30} {
		flipped := bytes.Clone(sound)
		flipped[off] ^= 0x55
		for mode := range byte(3) {
			f.Add(mode, flipped)
		}
	}
	f.Fuzz(func(t *testing.T, mode byte, content []byte) {
		if len(content) > 8*size {
			content = content[:8*size]
		}
		if mode%3 > 0 {
			content = append(bytes.Clone(content), make([]byte, max(0, segmentHeader-len(content)))...)
			putSegmentHeader(content, 0, salt)
		}
		if mode%3 == 2 {
			for off := segmentHeader; off+blockHeader <= len(content); off += 8 {
				h := content[off:]
				n := int64(binary.LittleEndian.Uint32(h[4:]))
				if binary.LittleEndian.Uint32(h) == blockMagic && blockHeader+n <= int64(len(h)) {
					binary.LittleEndian.PutUint64(h[24:], salt)
					binary.LittleEndian.PutUint32(h[12:], blockChecksum(h[:blockHeader+n]))
				}
			}
		}
		cfg := Config{Dir: t.TempDir(), SegmentBytes: size, MaxBytes: 1 << 20, ops: fastOps()}
		if err := os.WriteFile(segmentPath(cfg.Dir, 0), content, 0o600); err != nil {
			t.Fatal(err)
		}
		var added [][]byte
		next := uint64(0)
		for round := range 3 {
			l, err := Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if round > 0 && l.Next() != next {
				t.Fatalf("next %d after reopening, want %d", l.Next(), next)
			}
			start := l.Next() - uint64(len(added))
			if start > uint64(len(content)) {
				t.Fatalf("%d bytes gave %d records", len(content), start)
			}
			batch := l.NewBatch()
			for i := range 3 {
				p := payload(uint64(100*round + i))
				added = append(added, p)
				if err := batch.Add(p); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := l.Append(batch); err != nil {
				t.Fatal(err)
			}
			next = l.Next()
			r, err := l.NewReader(0)
			if err != nil {
				t.Fatal(err)
			}
			pos := uint64(0)
			for {
				index, rec, ok, err := r.TryNext()
				var gap *GapError
				if errors.As(err, &gap) {
					if gap.From != pos || gap.To <= gap.From || gap.To > start {
						t.Fatalf("gap %v at %d, appended from %d", gap, pos, start)
					}
					pos = gap.To
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				if index != pos || len(rec) > MaxRecord {
					t.Fatalf("record %d of %d bytes, want %d", index, len(rec), pos)
				}
				if index >= start && !bytes.Equal(rec, added[index-start]) {
					t.Fatalf("appended record %d: wrong bytes", index-start)
				}
				pos++
			}
			if pos != next {
				t.Fatalf("reading ended at %d, want %d", pos, next)
			}
			r.Close()
			l.Close()
		}
	})
}

// fastOps leave syncing out.
func fastOps() *fileOps {
	ops := diskOps()
	ops.sync = func(*os.File) error { return nil }
	ops.syncDir = func(string) error { return nil }
	return ops
}

// TestChecksumKind pins the polynomial: the format is on disks.
func TestChecksumKind(t *testing.T) {
	if got := crc32.Checksum([]byte("123456789"), castagnoli); got != 0xe3069283 {
		t.Errorf("checksum %#x, want that of CRC-32C, 0xe3069283", got)
	}
}
