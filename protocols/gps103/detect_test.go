package gps103

import (
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestDetect(t *testing.T) {
	f := func(text string, want protocols.Verdict) {
		t.Helper()
		if got, why := detect([]byte(text), false); got != want {
			t.Errorf("%q: %v (%s), want %v", text, got, why, want)
		}
	}
	f("", protocols.More)
	f("#", protocols.More)
	f("##,imei:86000", protocols.More)
	f("##,imei:860000000000015,", protocols.Sure)
	f("##,imei:86000000000001,", protocols.No)
	f("##,x", protocols.No)
	f("imei:", protocols.More)
	f("imei:860000000000015", protocols.More)
	f("imei:860000000000015,tr", protocols.Sure)
	f("imei:8600000000000151", protocols.No)
	f("8600", protocols.More)
	f("860000000000015", protocols.More)
	f("860000000000015;", protocols.Sure)
	f("860000000000015im", protocols.More)
	f("860000000000015imei:", protocols.Sure)
	f("860000000000015\r", protocols.Likely)
	f("860000000000015,", protocols.No)
	f("8600000000000150", protocols.No)
	f("86000000000001,", protocols.No)
	f("090723164830,+13664113749,GPRMC", protocols.No)
	f("*HQ,7012345678,V1", protocols.No)
	f("(013612345678BR00", protocols.No)
	if v, _ := detect([]byte("860000000000015"), true); v != protocols.Likely {
		t.Errorf("a datagram of 15 digits: %v", v)
	}
}
