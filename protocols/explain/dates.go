package explain

import (
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// layouts are the orders in which dates and times of day are sent: two digits a letter pair, likeliest first.
var layouts = []string{
	"yymmddHHMMSS", "ddmmyyHHMMSS", "yyyymmddHHMMSS", "ddmmyyyyHHMMSS", "HHMMSSddmmyy", "HHMMSSyymmdd", "HHMMSSddmmyyyy", "mmddyyHHMMSS",
	"yymmddHHMM", "yymmdd", "ddmmyy", "yyyymmdd", "ddmmyyyy", "HHMMSS", "HHMM", "yyyy", "mm", "dd", "HH", "MM", "SS",
}

// dateForms are the ways to read raw as a date, a time of day, or both. What a layout lacks stands in another place of the frame and is constant here.
func dateForms(raw []byte) []form {
	var list []form
	add := func(name, layout string, digits func([]byte) ([]byte, bool), size int) {
		if size == len(layout) {
			list = append(list, form{name: name + layout, exact: true, read: func(b []byte) (float64, bool) {
				d, ok := digits(b)
				if !ok || len(d) != len(layout) {
					return 0, false
				}
				return civil(d, layout)
			}})
		}
	}
	for _, layout := range layouts {
		add("BCD ", layout, bcdText, 2*len(raw))
		add("digits ", layout, plainDigits, len(plain(raw)))
		if !strings.Contains(layout, "yyyy") {
			add("a byte each: ", layout, byteText, 2*len(raw))
		}
	}
	return list
}

// civil is the time in ms of digits in a layout.
func civil(d []byte, layout string) (float64, bool) {
	part := func(letters string, otherwise int) int {
		at := strings.Index(layout, letters)
		if at < 0 {
			return otherwise
		}
		v := 0
		for _, c := range d[at : at+len(letters)] {
			v = v*10 + int(c-'0')
		}
		return v
	}
	year := part("yyyy", -1)
	if year < 0 {
		year = 2000 + part("yy", 0)
	}
	t, ok := protocols.Civil(year, part("mm", 1), part("dd", 1), part("HH", 0), part("MM", 0), part("SS", 0), protocols.Zone{})
	return float64(t), ok
}

func bcdText(b []byte) ([]byte, bool) {
	out := make([]byte, 0, 2*len(b))
	for _, x := range b {
		if x>>4 > 9 || x&15 > 9 {
			return nil, false
		}
		out = append(out, '0'+x>>4, '0'+x&15)
	}
	return out, true
}

// byteText writes bytes of two decimal digits each.
func byteText(b []byte) ([]byte, bool) {
	out := make([]byte, 0, 2*len(b))
	for _, x := range b {
		if x > 99 {
			return nil, false
		}
		out = append(out, '0'+x/10, '0'+x%10)
	}
	return out, true
}

// plain is a date without what stands between its parts.
func plain(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, x := range b {
		if x != '-' && x != ':' && x != '/' && x != ' ' && x != 'T' && x != '.' {
			out = append(out, x)
		}
	}
	return out
}

func plainDigits(b []byte) ([]byte, bool) {
	out := plain(b)
	for _, x := range out {
		if x < '0' || x > '9' {
			return nil, false
		}
	}
	return out, true
}
