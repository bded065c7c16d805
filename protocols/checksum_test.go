package protocols

import "testing"

// TestCCITT checks the catalogue's value, and that a sum may be taken in pieces.
func TestCCITT(t *testing.T) {
	all := []byte("123456789")
	const want = 0x29b1
	for cut := range all {
		if got := CCITT(CCITT(CCITTStart, all[:cut]), all[cut:]); got != want {
			t.Errorf("cut at %d: %04x, want %04x", cut, got, want)
		}
	}
}

// TestCRC16Lengths compares the sum of every length, and so every mix of steps, with one taken byte by byte.
func TestCRC16Lengths(t *testing.T) {
	var b [100]byte
	for i := range b {
		b[i] = byte(i*i*7 + i>>3)
	}
	for _, c := range []*CRC16{X25, ARC, Modbus, Kermit} {
		v := c.init
		for n := range b {
			if got, want := c.Sum(b[:n]), v^c.out; got != want {
				t.Errorf("%d bytes: %04x, want %04x", n, got, want)
			}
			v = v>>8 ^ c.table[0][byte(v)^b[n]]
		}
	}
}
