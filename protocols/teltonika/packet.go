package teltonika

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// packet reads a packet of a TCP stream:
//
//	preamble 4, zero | length 4 | codec 1 | number of data 1 | data | number of data 1 | CRC 4
//
// length counts codec through the second number; the CRC (ARC, in the low half of its field) covers the same bytes. Records
// are answered with their number in 4 bytes; the device forgets them when it is the number it sent.
func packet(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if len(b) < 4 {
		for _, c := range b {
			if c != 0 {
				return lost(s, in)
			}
		}
		return incomplete(in)
	}
	if binary.BigEndian.Uint32(b) == dualCamHead {
		return greeting(s, in, f)
	}
	if binary.BigEndian.Uint32(b) != 0 {
		return lost(s, in)
	}
	if len(b) < 8 {
		return incomplete(in)
	}
	length := binary.BigEndian.Uint32(b[4:])
	if length < 3 || length > maxData {
		if in.Final && length == 0 {
			return misframed(s, in, f)
		}
		return lost(s, in)
	}
	n := int(length) + packetOverhead
	if len(b) < n {
		if in.Final && len(b) > 8 {
			return misframed(s, in, f)
		}
		return incomplete(in)
	}
	if f.Notes != nil {
		notePacket(f, b[:n])
	}
	data, owner := b[8:n-4], channel{}
	if sum := uint32(protocols.ARC.Sum(data)); sum != binary.BigEndian.Uint32(b[n-4:]) {
		return n, badChecksum(s, in, f, data, fmt.Errorf("teltonika: CRC is %08x, not %08x: %w", binary.BigEndian.Uint32(b[n-4:]), sum, protocols.ErrChecksum))
	}
	return content(s, in, f, data, owner, n)
}

// badChecksum decodes a packet whose CRC is wrong. Its records are acknowledged only where the operator says so, and
// otherwise come with the error.
func badChecksum(s *protocols.Session, in protocols.Input, f *protocols.Frame, data []byte, fault error) error {
	m := recall(s.State)
	first := len(f.Events)
	count, err := body(s, in, f, &m, data)
	if err != nil {
		f.Events, f.Reply = f.Events[:first], f.Reply[:0]
		return fmt.Errorf("%w, and its checksum is wrong", err)
	}
	channel{}.acknowledge(f, data[0], count)
	if !s.Options.TolerateChecksum {
		return fault
	}
	for i := first; i < len(f.Events); i++ {
		f.Events[i].Bool("checksum_ok", false)
	}
	m.store(s)
	return nil
}

// content decodes the data of a packet whose frame is sound.
func content(s *protocols.Session, in protocols.Input, f *protocols.Frame, data []byte, from channel, n int) (int, error) {
	m := recall(s.State)
	first := len(f.Events)
	count, err := body(s, in, f, &m, data)
	if err != nil {
		f.Events, f.Reply = f.Events[:first], f.Reply[:0]
		return unreadable(s, f, data, from, n, err)
	}
	from.acknowledge(f, data[0], count)
	m.faults, m.same = 0, 0
	m.store(s)
	return n, nil
}

// body decodes the data of a packet, from the codec id to the second number of data, and returns the number of records.
// m changes even when it fails.
func body(s *protocols.Session, in protocols.Input, f *protocols.Frame, m *memory, data []byte) (count int, err error) {
	if len(data) < 3 {
		return 0, fmt.Errorf("teltonika: data of %d bytes: %w", len(data), protocols.ErrMalformed)
	}
	switch c := data[0]; {
	case isAVL(c):
		return records(s, in, f, m, data)
	case knownCodec(c):
		return messages(s, in, f, m, data)
	default:
		f.Type = "unknown_codec"
		return 0, fmt.Errorf("teltonika: codec %#02x: %w", c, protocols.ErrMalformed)
	}
}

// unreadable deals with data that is whole but not understood. The device sends it again, for ever if it is not
// acknowledged: its third time it is kept as it is, and acknowledged. A device that fails three times in a row with
// different data is cut off.
func unreadable(s *protocols.Session, f *protocols.Frame, data []byte, from channel, n int, err error) (int, error) {
	m := recall(s.State)
	m.failed(uint32(protocols.Fingerprint(data)))
	if m.same >= maxFaults && s.Device != "" && len(data) <= maxPayload {
		m.faults, m.same = 0, 0
		m.store(s)
		f.Type = "unreadable"
		e := f.Add(protocols.Alarm)
		e.Alarm = "fault"
		e.FP = protocols.Fingerprint(data)
		e.Int("codec", int64(data[0]))
		hexText(e, "raw", data) // whole: the device forgets it
		codec := data[0]
		if !knownCodec(codec) {
			codec = codec8
		}
		from.acknowledge(f, codec, int(data[1]))
		return n, nil
	}
	m.store(s)
	if m.faults >= maxFaults && !from.datagram {
		return 0, fmt.Errorf("%w (%d in a row)", err, m.faults)
	}
	return n, err
}

// misframed reads a packet at the end of the input whose length field is wrong, by its structure alone. It is never
// acknowledged on a live connection: the error says so.
func misframed(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if len(b) > 10 && isAVL(b[8]) {
		m, first := recall(s.State), len(f.Events)
		if size, count := openRecords(s, in, f, &m, b[8:]); size > 0 && len(b)-8-size <= 4 {
			channel{}.acknowledge(f, b[8], count)
			if length := int(binary.BigEndian.Uint32(b[4:])); length != size {
				return len(b), fmt.Errorf("teltonika: length is %d, not %d: %w", length, size, protocols.ErrChecksum)
			}
			return len(b), fmt.Errorf("teltonika: CRC is cut off after %d bytes: %w", len(b)-8-size, protocols.ErrChecksum)
		}
		f.Events = f.Events[:first]
	}
	return len(b), fmt.Errorf("teltonika: packet of length %d is cut off after %d bytes: %w", binary.BigEndian.Uint32(b[4:]), len(b), protocols.ErrMalformed)
}
