package calamp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// actionLocate is the unit request for a locate report that most firmwares have.
const actionLocate = "10"

// encode is Protocol.Encode: a unit request. The unit answers it under the same sequence number, which is the lower half of the command's
// number. Which action does what differs between firmwares, so each command but "position" takes its numbers from the option action_<command>;
// "custom" has them as its text.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	words, ok := s.Options.Get("action_" + c.Name)
	switch {
	case c.Name == "custom":
		words = c.Text
	case ok:
	case c.Name == "position":
		words = actionLocate
	default:
		return nil, fmt.Errorf("calamp: %s: no option action_%s says what it is on this unit", c.Name, c.Name)
	}
	b := []byte{serviceAcknowledged, typeUnitRequest, byte(c.ID >> 8), byte(c.ID)}
	b, err := request(b, words)
	if err != nil {
		return nil, fmt.Errorf("calamp: %s: %w", c.Name, err)
	}
	return b, nil
}

// request appends the body of a unit request, whose numbers stand between slashes, those at the end left out being 0:
//
//	action 1 / data 1 / data 2 / data 4
func request(b []byte, words string) ([]byte, error) {
	parts := strings.Split(words, "/")
	if len(parts) > 4 {
		return nil, errors.New("a unit request has four numbers: action/data8/data16/data32")
	}
	var v [4]uint64
	for i, p := range parts {
		var err error
		if v[i], err = strconv.ParseUint(p, 10, [...]int{8, 8, 16, 32}[i]); err != nil {
			return nil, fmt.Errorf("number %d of action/data8/data16/data32: %w", i+1, err)
		}
	}
	b = append(b, byte(v[0]), byte(v[1]))
	b = binary.BigEndian.AppendUint16(b, uint16(v[2]))
	return binary.BigEndian.AppendUint32(b, uint32(v[3])), nil
}
