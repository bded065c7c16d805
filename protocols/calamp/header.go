package calamp

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Services: how a message wants to be answered.
const (
	serviceUnacknowledged = 0
	serviceAcknowledged   = 1
	serviceResponse       = 2
)

// Bits of the options mask. Each of bits 0 to 6 announces a length byte and so many bytes, in their order.
const (
	optionsThere   = 0x80
	optionMobileID = 0x01
	optionIDType   = 0x02
)

// Types of mobile id.
const (
	idESN   = 1
	idIMEI  = 2
	idIMSI  = 3
	idPhone = 5
	idMEID  = 7
)

// maxID is the longest mobile id in bytes, two characters each.
const maxID = protocols.MaxIdentity / 2

// header is what stands before the body of a message.
type header struct {
	service, kind byte
	sequence      uint16
	id            [2 * maxID]byte // identity in characters
	idLen         int             // 0: the datagram does not say whose it is
}

// readHeader reads the options and the message header and returns their size.
func readHeader(b []byte) (h header, size int, err error) {
	r := protocols.NewReader(b)
	if b[0]&optionsThere != 0 {
		mask := r.U8()
		var id, idType []byte
		for bit := range 7 {
			if mask>>bit&1 == 0 {
				continue
			}
			switch v := r.Bytes(int(r.U8())); byte(1) << bit {
			case optionMobileID:
				id = v
			case optionIDType:
				idType = v
			}
		}
		if r.Err() != nil {
			return h, 0, fmt.Errorf("options header: %w", r.Err())
		}
		if err := h.identity(id, idType); err != nil {
			return h, 0, err
		}
	}
	h.service, h.kind, h.sequence = r.U8(), r.U8(), r.U16()
	switch {
	case r.Err() != nil:
		return h, 0, fmt.Errorf("message header: %w", r.Err())
	case h.service > serviceResponse || h.kind > typeMiniUserData:
		return h, 0, fmt.Errorf("service %d, message type %d: %w", h.service, h.kind, protocols.ErrGarbage)
	}
	return h, r.Offset(), nil
}

// identity reads a mobile id: a digit in each half byte, filled up with F. A MEID is hexadecimal, and only the F at its end are filling.
func (h *header) identity(id, idType []byte) error {
	if len(id) > maxID {
		return fmt.Errorf("mobile id of %d bytes: %w", len(id), protocols.ErrMalformed)
	}
	kind := byte(0)
	if len(idType) > 0 {
		kind = idType[0]
	}
	half := func(i int) byte { return id[i/2] >> (4 - i%2*4) & 15 }
	end := 2 * len(id)
	for end > 0 && half(end-1) == 15 {
		end--
	}
	for i := range end {
		x := half(i)
		switch {
		case x == 15 && kind != idMEID:
			end = i
		case x > 9 && (kind == idESN || kind == idIMEI || kind == idIMSI || kind == idPhone):
			return fmt.Errorf("mobile id % x is not decimal: %w", id, protocols.ErrMalformed)
		}
		if i >= end {
			break
		}
		h.id[i] = "0123456789ABCDEF"[x]
	}
	h.idLen = end
	return nil
}
