package persistence

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// position is where a page of history ended: the key of its last event. Its text form is the opaque cursor.
type position struct {
	time   protocols.Millis
	device int64
	fp     int32
}

func (p position) before(o position) bool {
	switch {
	case p.time != o.time:
		return p.time < o.time
	case p.device != o.device:
		return p.device < o.device
	}
	return p.fp < o.fp
}

func (p position) String() string {
	b := []byte{1} // version
	b = binary.AppendVarint(b, int64(p.time))
	b = binary.AppendVarint(b, p.device)
	b = binary.AppendVarint(b, int64(p.fp))
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePosition(s string) (position, error) {
	bad := fmt.Errorf("%w: cursor %.60q is not one of this store", ErrRequest, s)
	if len(s) > 64 {
		return position{}, bad
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) == 0 || b[0] != 1 {
		return position{}, bad
	}
	var v [3]int64
	b = b[1:]
	for i := range v {
		var n int
		if v[i], n = binary.Varint(b); n <= 0 {
			return position{}, bad
		}
		b = b[n:]
	}
	if len(b) > 0 || v[2] != int64(int32(v[2])) || v[0] < int64(firstTime) || v[0] > int64(lastTime) {
		return position{}, bad
	}
	return position{protocols.Millis(v[0]), v[1], int32(v[2])}, nil
}
