package egts

// crc8 is the checksum of a header: polynomial 31, not reflected, from ff.
func crc8(b []byte) byte {
	v := byte(0xff)
	for _, x := range b {
		v = crc8Table[v^x]
	}
	return v
}

var crc8Table = func() (t [256]byte) {
	for i := range t {
		v := byte(i)
		for range 8 {
			if v&0x80 != 0 {
				v = v<<1 ^ 0x31
			} else {
				v <<= 1
			}
		}
		t[i] = v
	}
	return t
}()
