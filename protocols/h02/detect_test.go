package h02

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
	f("*", protocols.More)
	f("*HQ,701234", protocols.More)
	f("*HQ,7012345678,V", protocols.More)
	f("*HQ,7012345678,V1,", protocols.Sure)
	f("*hq,860000000000000,VP1,", protocols.Sure)
	f("*HQ,,V1,", protocols.Sure)
	f("*HQ,860000000000006,HTBT#", protocols.Sure)
	f("*HQ,7012345678,ZZ,1#", protocols.Likely)
	f("*HQ,123,V1,", protocols.No)
	f("*HQ20", protocols.No)
	f("*TS01,", protocols.No)
	f("*ID,1", protocols.No)
	f("*GS06,", protocols.No)
	f("*MG20", protocols.No)
	f("$GPRMC,", protocols.No)
	f("$$A123,860000000000000,AAA", protocols.No)
	f("$$28,862", protocols.No)
	f("(013612345678BR00", protocols.No)
	record := string(unhex(t, shortRecord))
	f(record[:12], protocols.More)
	f(record, protocols.Sure)
	f(string(unhex(t, imeiRecord)), protocols.Sure)
	f(string(unhex(t, longRecord)), protocols.Sure)
	// JT600: id, type, length, date, time.
	f(string(unhex(t, "24311013995511001a14032608300122313825011284221e02408701020304050607")), protocols.No)
}
