package replay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// packet is one packet of a capture file. Its data is good until the next one is read.
type packet struct {
	data []byte
	at   time.Time
	link layers.LinkType
}

// packets reads a capture file. next returns io.EOF at its proper end, io.ErrUnexpectedEOF at the end of a file that was cut off.
type packets struct {
	source gopacket.ZeroCopyPacketDataSource
	link   layers.LinkType // of all packets; pcapng tells it packet by packet
}

// openPackets tells pcapng from pcap by its first bytes.
func openPackets(r *bufio.Reader) (*packets, error) {
	magic, err := r.Peek(4)
	if err != nil {
		return nil, errors.New("the file is empty")
	}
	if string(magic) == "\x0a\x0d\x0d\x0a" {
		ng, err := pcapgo.NewNgReader(r, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
		if err != nil {
			return nil, fmt.Errorf("pcapng: %w", err)
		}
		return &packets{source: ng}, nil
	}
	plain, err := pcapgo.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("neither pcap nor pcapng: %w", err)
	}
	return &packets{source: plain, link: plain.LinkType()}, nil
}

func (p *packets) next() (packet, error) {
	data, info, err := p.source.ZeroCopyReadPacketData()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return packet{}, io.ErrUnexpectedEOF
	}
	if err != nil {
		return packet{}, err
	}
	link := p.link
	if len(info.AncillaryData) > 0 {
		link, _ = info.AncillaryData[0].(layers.LinkType)
	}
	return packet{data, info.Timestamp, link}, nil
}
