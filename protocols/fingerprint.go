package protocols

import "encoding/binary"

// Fingerprint hashes the bytes of a record that a device repeats unchanged when it sends the record again: the record without serial
// numbers, checksums and re-upload marks. It is what tells two records of the same second apart, and one record sent twice together.
func Fingerprint(parts ...[]byte) int32 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		h = mix(h ^ uint64(len(p)))
		whole := p
		for len(p) >= 8 {
			h = mix(h ^ binary.LittleEndian.Uint64(p))
			p = p[8:]
		}
		var tail uint64 // what is left, and zeros
		switch {
		case len(p) == 0:
		case len(whole) >= 8:
			tail = binary.LittleEndian.Uint64(whole[len(whole)-8:]) >> (64 - 8*len(p))
		default:
			for i := len(p) - 1; i >= 0; i-- {
				tail = tail<<8 | uint64(p[i])
			}
		}
		h = mix(h ^ tail)
	}
	return int32(h ^ h>>32)
}

// mix is a multiply and xor-shift round: every input bit reaches every output bit. The value is part of the identity of stored
// records and never changes.
func mix(h uint64) uint64 {
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>29
}
