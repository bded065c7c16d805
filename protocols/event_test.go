package protocols

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestCivil(t *testing.T) {
	f := func(y, mo, d, h, mi, s int, zone int32) {
		t.Helper()
		got, ok := Civil(y, mo, d, h, mi, s, Zone{Seconds: zone})
		want := time.Date(y, time.Month(mo), d, h, mi, s, 0, time.FixedZone("", int(zone)))
		if !ok || got != At(want) {
			t.Errorf("%04d-%02d-%02d %02d:%02d:%02d%+d: %v, %v, want %v", y, mo, d, h, mi, s, zone, got, ok, want)
		}
	}
	for day := time.Date(1595, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2405; day = day.AddDate(0, 0, 1) {
		y, mo, d := day.Date()
		f(y, int(mo), d, 23, 59, 59, 19800)
		if d < 28 || day.AddDate(0, 0, 1).Day() != 1 {
			continue
		}
		for d++; d < 34; d++ {
			if got, ok := Civil(y, int(mo), d, 0, 0, 0, Zone{}); ok {
				t.Errorf("%04d-%02d-%02d is %v", y, mo, d, got)
			}
		}
	}
	f(2024, 2, 29, 12, 0, 60, -45900)
	for _, bad := range [][6]int{{2023, 2, 29, 0, 0, 0}, {2024, 0, 1, 0, 0, 0}, {2024, 13, 1, 0, 0, 0}, {2024, 4, 31, 0, 0, 0}, {2024, 1, 0, 0, 0, 0},
		{2024, 1, 1, 24, 0, 0}, {2024, 1, 1, 0, 60, 0}, {2024, 1, 1, 0, 0, 61}, {2024, 1, 1, -1, 0, 0}} {
		if got, ok := Civil(bad[0], bad[1], bad[2], bad[3], bad[4], bad[5], Zone{}); ok {
			t.Errorf("%v is %v", bad, got)
		}
	}
}

func TestChecksums(t *testing.T) {
	check := []byte("123456789") // whose checksums the CRC catalogue lists
	for _, c := range []struct {
		name string
		crc  *CRC16
		want uint16
	}{{"X-25", X25, 0x906e}, {"ARC", ARC, 0xbb3d}, {"MODBUS", Modbus, 0x4b37}, {"KERMIT", Kermit, 0x2189}} {
		if got := c.crc.Sum(check); got != c.want {
			t.Errorf("%s: %04x, want %04x", c.name, got, c.want)
		}
	}
	long := []byte(strings.Repeat("trackgate", 20))
	for n := range long { // eight bytes a step is one byte a step
		v := X25.init
		for _, b := range long[:n] {
			v = v>>8 ^ X25.table[0][byte(v)^b]
		}
		if got := X25.Sum(long[:n]); got != v^X25.out {
			t.Fatalf("%d bytes: %04x, want %04x", n, got, v^X25.out)
		}
	}
}

// TestFingerprintStays holds the values that are part of the identity of stored records.
func TestFingerprintStays(t *testing.T) {
	f := func(want int32, parts ...string) {
		t.Helper()
		var b [][]byte
		for _, p := range parts {
			b = append(b, []byte(p))
		}
		if got := Fingerprint(b...); got != want {
			t.Errorf("%q: %d, want %d", parts, got, want)
		}
	}
	f(-511900244)
	f(25442334, "a")
	f(1660190647, "ab", "c")
	f(-1044023106, "0123456789abcdef0123456789")
	long := make([]byte, 40)
	for i := range long {
		long[i] = byte(i*i*7 + i>>3)
	}
	for n := range long { // as it is defined: eight bytes a round, the last ones with zeros
		h := mix(0x9e3779b97f4a7c15 ^ uint64(n))
		padded := append(bytes.Clone(long[:n]), make([]byte, 8)...)
		for at := 0; at <= n; at += 8 {
			h = mix(h ^ binary.LittleEndian.Uint64(padded[at:]))
		}
		f(int32(h^h>>32), string(long[:n]))
	}
	a, b := Fingerprint([]byte("ab"), []byte("c")), Fingerprint([]byte("a"), []byte("bc"))
	if a == b {
		t.Error("where the parts meet makes no difference")
	}
	seen := make(map[int32]int)
	for i := range 20000 {
		seen[Fingerprint([]byte{byte(i), byte(i >> 8), 1, 2, 3})]++
	}
	if len(seen) < 19990 {
		t.Errorf("%d fingerprints of 20000 records", len(seen))
	}
}

// TestTimesAsText compares with the standard library's, at the ends and anywhere between.
func TestTimesAsText(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100_000 {
		m := Millis(random.Int64N(400_000_000_000_000) - 100_000_000_000_000)
		if ends := [...]Millis{0, -1, 999, 253402300799999, 253402300800000, -62167219200000, -62167219200001}; i < len(ends) {
			m = ends[i]
		}
		if got, want := m.String(), m.Time().Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Fatalf("%d: %s, want %s", int64(m), got, want)
		}
	}
}

// TestDecimalsAsText compares with exact arithmetic.
func TestDecimalsAsText(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		v, scale := random.Int64()>>random.IntN(63), random.IntN(10)
		if random.IntN(2) == 0 {
			v = -v
		}
		got, ok := new(big.Rat).SetString(string(appendDecimal(nil, v, scale)))
		want := big.NewRat(v, 1)
		for range scale {
			want.Quo(want, big.NewRat(10, 1))
		}
		if !ok || got.Cmp(want) != 0 {
			t.Fatalf("%d / 10^%d: %s", v, scale, appendDecimal(nil, v, scale))
		}
	}
}

func BenchmarkEventJSON(b *testing.B) {
	e := Event{Device: "356307042441013", Vehicle: "truck-7", Protocol: "teltonika", Kind: Position, Time: 1_780_315_200_123, Received: 1_780_315_201_456, Session: 1_780_315_100_000,
		Counter: 17, FP: 12345678}
	e.SetFix(54.7146368, 25.3032016, true)
	e.SetAlt(133)
	e.SetSpeed(57)
	e.SetCourse(214)
	e.SetSats(12)
	e.Bool("ignition", true)
	e.Int("rssi", 4)
	e.Dec("power_v", 12480, 3)
	e.Dec("battery_v", 4012, 3)
	e.Int("odometer_m", 123456789)
	e.Cell(246, 1, 12345, 6789)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}

func TestEventJSONRoundTrip(t *testing.T) {
	e := Event{Vehicle: "v\"1", Device: "d\x01<", Protocol: "acme", Kind: Alarm, Time: 1700000000123, Received: 1700000001000, Alarm: "sos", FP: -5, Session: 1699999999999, Counter: 7}
	e.SetFix(-54.12345678, 179.9999999, true)
	e.SetAlt(-12.5)
	e.SetSpeed(0)
	e.SetCourse(360)
	e.SetSats(9)
	e.SetHDOP(0.8)
	e.Int("battery_level", -3)
	e.Dec("power_v", 12480, 3)
	e.Dec("temp1_c", -5, 1)
	e.Float("rpm", 812.25)
	e.Bool("ignition", true)
	e.Text("vin", "W\u00df\xff\x00")
	e.JSON("cells", `[{"mcc":262}]`)
	raw := e.AppendJSON(nil)
	if !json.Valid(raw) {
		t.Fatalf("not JSON: %s", raw)
	}
	for _, want := range []string{`"id":"d\u0001\u003c-1700000000123-fffffffb"`, `"seq":"1699999999999-0000000007"`, `"lat":-54.1234568`, `"power_v":12.48`, `"temp1_c":-0.5`, `"course":0`, `"cells":[{"mcc":262}]`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s lacks %s", raw, want)
		}
	}
	back, err := ParseEvent(raw)
	if err != nil {
		t.Fatal(err)
	}
	back.FP, back.Received = e.FP, e.Received
	if again := string(back.AppendJSON(nil)); again != string(raw) {
		t.Errorf("read and written again:\n got %s\nwant %s", again, raw)
	}
}

func TestNoFix(t *testing.T) {
	for _, c := range [][2]float64{{0, 0}, {90.1, 0}, {0, -180.1}, {math.NaN(), 1}, {1, math.Inf(1)}} {
		var e Event
		if e.SetFix(c[0], c[1], true) || e.Has&HasFix != 0 || e.Live() {
			t.Errorf("%v is a fix", c)
		}
	}
}

func TestTimesThatMatter(t *testing.T) {
	const now = Millis(1_700_000_000_000)
	f := func(at, newest Millis, wantLate, wantLive, wantApart bool) {
		t.Helper()
		e := Event{Time: at, Received: now}
		e.SetFix(1, 1, true)
		if e.MarkLate(newest); e.Late != wantLate || e.Live() != wantLive || e.Apart() != wantApart {
			t.Errorf("%+d ms, newest %+d: late %v, live %v, apart %v", at-now, newest-now, e.Late, e.Live(), e.Apart())
		}
	}
	f(now, 0, false, true, false)
	f(now-120_000, 0, false, true, false)
	f(now-120_001, 0, true, false, false)
	f(now-1000, now, true, false, false)
	f(now, now, false, true, false)
	f(now+10*60_000, 0, false, true, false)
	f(now+10*60_000+1, 0, false, false, true)
	f(now-HistoryWindow, 0, true, false, false)
	f(now-HistoryWindow-1, 0, true, false, true)
	e := Event{Time: now, Received: now, Stored: true}
	e.SetFix(1, 1, true)
	if e.MarkLate(0); e.Live() {
		t.Error("a stored upload is live")
	}
}

func TestPlaceTellsTimelessRecordsApart(t *testing.T) {
	a, b := Event{NoTime: true, FP: 1}, Event{NoTime: true, FP: 1}
	a.Place(5, 1)
	b.Place(5, 2)
	if a.FP == b.FP {
		t.Error("two heartbeats are one record")
	}
	c := Event{FP: 1}
	if c.Place(5, 1); c.FP != 1 {
		t.Error("a record with a time changes its identity")
	}
}

func TestRollover(t *testing.T) {
	now := At(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	if got, did := Rollover(now-7168*24*3_600_000, now); !did || got != now {
		t.Errorf("%v, %v", got, did)
	}
	if got, did := Rollover(now-3_600_000, now); did || got != now-3_600_000 {
		t.Errorf("%v, %v", got, did)
	}
}

func TestOptionsTextForm(t *testing.T) {
	pairs := []string{"model=GT06N", "zone=-03:30", "unit=knots", "tolerate_checksum=true", "codec=14"}
	o, err := ParseOptions(pairs)
	if err != nil || strings.Join(o.Pairs(), " ") != strings.Join(pairs, " ") {
		t.Errorf("%+v, %v, %v", o, o.Pairs(), err)
	}
	if v, ok := o.Get("codec"); !ok || v != "14" {
		t.Errorf("codec %q", v)
	}
	for _, bad := range []string{"zone=5", "zone=+15:00", "unit=furlongs", "plain", "=x", "a=b;c=d", "tolerate_checksum=perhaps"} {
		if o, err := ParseOptions([]string{bad}); err == nil {
			t.Errorf("%s is %+v", bad, o)
		}
	}
}
