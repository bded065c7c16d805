package journal

import (
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"
)

const (
	segmentMagic   = 0x47534754 // "TGSG"
	segmentVersion = 1
	segmentHeader  = 64 // bytes

	blockMagic  = 0x4b424754 // "TGBK"
	blockHeader = 32         // bytes
	// maxBlock bounds what a reader must hold to check a block, and what one flipped bit can cost. Header and padding included.
	maxBlock = 1 << 20

	// maxBase is far above any index a journal reaches and far below where index arithmetic could wrap.
	maxBase = 1 << 62

	// MaxRecord is the largest record in bytes.
	MaxRecord = 128 << 10
	// MaxBatch is the largest batch in bytes, block headers included.
	MaxBatch = 16 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pad8 rounds n up to a multiple of 8.
func pad8(n int) int { return (n + 7) &^ 7 }

// newSalt draws a salt that is never 0, so that zeros are never a block.
func newSalt() uint64 {
	var b [8]byte
	for {
		rand.Read(b[:]) // never fails since Go 1.24
		if s := binary.LittleEndian.Uint64(b[:]); s != 0 {
			return s
		}
	}
}

// putSegmentHeader fills the first 64 bytes of h.
func putSegmentHeader(h []byte, base, salt uint64) {
	clear(h[:segmentHeader])
	binary.LittleEndian.PutUint32(h[0:], segmentMagic)
	binary.LittleEndian.PutUint32(h[4:], segmentVersion)
	binary.LittleEndian.PutUint64(h[8:], base)
	binary.LittleEndian.PutUint64(h[16:], salt)
	binary.LittleEndian.PutUint32(h[60:], crc32.Checksum(h[:60], castagnoli))
}

// parseSegmentHeader tells whether h, of 64 bytes, is a sound header.
func parseSegmentHeader(h []byte) (base, salt uint64, ok bool) {
	if binary.LittleEndian.Uint32(h[0:]) != segmentMagic ||
		binary.LittleEndian.Uint32(h[4:]) != segmentVersion ||
		binary.LittleEndian.Uint32(h[60:]) != crc32.Checksum(h[:60], castagnoli) {
		return 0, 0, false
	}
	salt = binary.LittleEndian.Uint64(h[16:])
	return binary.LittleEndian.Uint64(h[8:]), salt, salt != 0
}

// putBlockHeader completes a block whose records, of n bytes, stand in b behind the room for the header.
func putBlockHeader(b []byte, n, count int, first, salt uint64) {
	binary.LittleEndian.PutUint32(b[0:], blockMagic)
	binary.LittleEndian.PutUint32(b[4:], uint32(n))
	binary.LittleEndian.PutUint32(b[8:], uint32(count))
	binary.LittleEndian.PutUint64(b[16:], first)
	binary.LittleEndian.PutUint64(b[24:], salt)
	binary.LittleEndian.PutUint32(b[12:], blockChecksum(b[:blockHeader+n]))
}

func blockChecksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[4:12], castagnoli), castagnoli, b[16:])
}

// cutRecord splits the first record off records. n is the number of bytes that it takes, 0 if there is no whole record.
func cutRecord(records []byte) (rec []byte, n int) {
	if len(records) > 0 && records[0] < 0x80 { // the usual short record
		n = 1 + int(records[0])
		if n > len(records) {
			return nil, 0
		}
		return records[1:n:n], n
	}
	size, w := binary.Uvarint(records)
	if w <= 0 || size > MaxRecord || int(size) > len(records)-w {
		return nil, 0
	}
	n = w + int(size)
	return records[w:n:n], n
}

// blockSalt returns the salt of what looks like a block's header, else 0.
func blockSalt(h []byte) uint64 {
	if binary.LittleEndian.Uint32(h) != blockMagic {
		return 0
	}
	return binary.LittleEndian.Uint64(h[24:])
}

// blockLength returns the bytes on disk that a block's header claims; believe it only after the checksum.
func blockLength(h []byte) int64 {
	return int64(blockHeader) + (int64(binary.LittleEndian.Uint32(h[4:]))+7)&^7
}
