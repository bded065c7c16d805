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
