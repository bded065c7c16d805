package protocols

import "testing"

func TestParseDecimal(t *testing.T) {
	f := func(text string, n int64, scale uint8, ok bool) {
		t.Helper()
		d, good := ParseDecimal([]byte(text))
		if good != ok || d != (Decimal{n, scale}) {
			t.Errorf("%q: %+v, %v", text, d, good)
		}
	}
	f("0", 0, 0, true)
	f("  3.34 ", 334, 2, true)
	f("-0.10", -10, 2, true)
	f("+22", 22, 0, true)
	f(".5", 5, 1, true)
	f("5.", 5, 0, true)
	f("1.0123456789", 1012345678, 9, true)
	f("123456789012345678", 123456789012345678, 0, true)
	f("1234567890123456789", 0, 0, false)
	f("", 0, 0, false)
	f("-", 0, 0, false)
	f(".", 0, 0, false)
	f("1.2.3", 0, 0, false)
	f("1e3", 0, 0, false)
	f("- 1", 0, 0, false)
}

func TestDegreesMinutes(t *testing.T) {
	f := func(text string, want float64, ok bool) {
		t.Helper()
		d, _ := ParseDecimal([]byte(text))
		if got, good := d.DegreesMinutes(); got != want || good != ok {
			t.Errorf("%q: %v, %v, want %v, %v", text, got, good, want, ok)
		}
	}
	f("3113.8250", 31+13.8250/60, true)
	f("954.9490", 9+54.9490/60, true)
	f("45.78950", 45.7895/60, true)
	f("-3326.88", -33.448, true)
	f("18000.0000", 180, true)
	f("18100.0000", 0, false)
	f("3160.0000", 0, false)
}

func TestParseDigitsAndHex(t *testing.T) {
	if n, ok := ParseDigits([]byte("083001")); n != 83001 || !ok {
		t.Error(n, ok)
	}
	if n, ok := ParseHex([]byte("000450aC")); n != 0x450ac || !ok {
		t.Error(n, ok)
	}
	for _, bad := range []string{"", "1234567890", "12a", "-1", " 1"} {
		if n, ok := ParseDigits([]byte(bad)); ok || n != 0 && bad == "" {
			t.Errorf("digits %q: %d", bad, n)
		}
	}
	for _, bad := range []string{"", "12345678901234567", "0x1", "g", " 1", "-1"} {
		if _, ok := ParseHex([]byte(bad)); ok {
			t.Errorf("hex %q", bad)
		}
	}
}
