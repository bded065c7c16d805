package gps103

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// noteAround names what stands before and behind the IMEI of a login.
func noteAround(f *protocols.Frame, b, imei []byte) {
	if f.Notes == nil {
		return
	}
	at := bytes.Index(b, imei)
	f.Note(b[:at], "start", "##,imei: or imei:")
	f.Note(b[at+len(imei):], "stop", ",A; and what ends the line")
}
