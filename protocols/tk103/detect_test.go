package tk103

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
	f("(", protocols.More)
	f("(013612345678", protocols.More)
	f("(013612345678BR0", protocols.More)
	f("(013612345678BR00", protocols.Sure)
	f("(BALLESTEROS3BR00", protocols.Sure)
	f("(01029131573BR00", protocols.Sure)
	f("(013612345678BX42", protocols.Likely)
	f("(860000000000016,DW3", protocols.More)
	f("(860000000000016,DW3B", protocols.More)
	f("(860000000000016,DW3B,", protocols.Sure)
	f("(860000000000016,ZC20,", protocols.Sure)
	f("(013612345678,BP05,", protocols.Sure)
	f("(013612345678,1,001,BASE,2,TIME)", protocols.No)
	f("(3460311327,U01,", protocols.No)
	f("(3460311327,@JT", protocols.No)
	f("(013612345678,W01,", protocols.No)
	f("(01361234567890123456", protocols.No)
	f("(TK,123", protocols.No)
	f("[3G*8800000015*", protocols.No)
	f("##,imei:", protocols.No)
}
