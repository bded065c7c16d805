// Package gt06 decodes the binary protocol of the Concox GT06, which hundreds of models of Concox, Jimi and others speak with
// variations, and its sibling without checksum that Topin, 365GPS and Zhongxun devices speak on the same port.
//
// A frame, integers big endian:
//
//	78 78 | LEN 1 | number 1 | INFO LEN-5 | serial 2 | CRC 2 | 0d 0a     short
//	79 79 | LEN 2 | number 1 | INFO LEN-5 | serial 2 | CRC 2 | 0d 0a     extended
//	78 78 | LEN 1 | number 1 | INFO       | 0d 0a                        sibling
//
// The CRC is X.25's over everything between the start bytes and itself.
//
// An operator can say of a device, besides its model, zone and tolerate_checksum:
//
//	ack_locations=false     locations are not answered
//	alarm_<hex>=<alarm>     what an alarm code means, as alarm_0c=tampering
//	card_verdict=accept     the answer to a card that an X3 read: accept or refuse
//	language=2              commands end in a language: 1 Chinese, 2 English
//	relay=dyd               the fuel is cut by DYD and HFYD instead of RELAY
package gt06

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is the GT06 family as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "gt06",
	Version:    1,
	TCP:        5023,
	UDP:        5023,
	MaxLogin:   4096,
	MaxFrame:   maxFrame,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// call is what the readers of one frame share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
	message

	date  []byte           // the six bytes of the record's time; nil: it has none
	at    protocols.Millis // the record's time where it is sent as UTC; 0: it is not
	fix   bool             // the receiver was positioned
	quiet bool             // the message is no record: part of a file
	many  bool             // the device chose the attributes, and may have chosen one twice
	skip  int              // offset in INFO of the re-upload mark, which does not identify the record; 0: none
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	c := call{s: s, f: f, received: in.Received}
	n, err := cut(&c.message, sibling(s.State), in.Bytes, in.Final)
	if n == 0 || err != nil {
		return n, err
	}
	if f.Notes != nil {
		c.note(f, in.Bytes[:n])
	}
	if c.badCRC {
		return n, c.decodeBad()
	}
	if err := c.decode(); err != nil {
		f.Reply, f.Refuse = f.Reply[:0], f.Refuse[:0]
		return n, err
	}
	return n, nil
}

// decodeBad decodes a frame whose checksum is wrong: for nothing but show, unless the operator tolerates it.
func (c *call) decodeBad() error {
	if c.s.Options.TolerateChecksum {
		return c.decode()
	}
	before := *c.s
	err := c.decode()
	*c.s = before
	if err != nil {
		return err
	}
	return fmt.Errorf("gt06: message %02x: %w", c.number, protocols.ErrChecksum)
}

// decode reads the message and prepares its answer. An error refuses the frame.
func (c *call) decode() error {
	if c.form == bare {
		return c.sibling()
	}
	c.f.Type = names[c.number]
	if c.number == msgLogin {
		return c.login()
	}
	c.reply()
	if len(c.info) == 0 {
		return nil // a request, or nothing to tell
	}
	e := c.f.Add(protocols.Status)
	e.Int("type", int64(c.number))
	if !c.read(e) {
		c.unread(e, c.info)
	}
	if c.quiet {
		c.f.Events = c.f.Events[:len(c.f.Events)-1]
		return nil
	}
	c.finish(e)
	if c.many {
		unique(e)
	}
	return nil
}

// read picks the reader of the message. False: no layout that is known for the number takes these bytes, and nothing was read.
func (c *call) read(e *protocols.Event) bool {
	switch c.number {
	case msgGPSLBS, msgGPSLBSTail, msgGPSLBSWith, msgGPSLBS4, msgGPSLBSModules:
		return c.location(e)
	case msgHeartbeat, msgHeartbeatVolts:
		return c.heartbeat(e)
	case msgAlarm, msgAlarmUTC, msgAlarmFences, msgAlarm4G, msgAlarm4GFences:
		return c.alarm(e)
	}
	return c.readOther(e)
}

// readOther picks the readers of the rarer messages.
func (c *call) readOther(e *protocols.Event) bool {
	b := c.info
	switch c.number {
	case msgGPS:
		return c.gpsOnly(e)
	case msgLBS:
		return c.lbsOnly(e) || c.gpsCell(e)
	case msgText:
		return c.words(e)
	case msgTextExtended:
		return c.wordsExtended(e)
	case msgPhoneByCell:
		return c.gpsRFID(e) || c.phoneByCell(e)
	case msgPhoneBy4G:
		return c.phoneByCell(e)
	case msgPhoneByGPS, msgAddress:
		return c.phoneByGPS(e)
	case msgCells, msgCells28, msgCells2E, msgCells4G:
		return c.cells(e)
	case msgCells24:
		return c.locationSR411(e) || c.cellsS20(e) || c.cells(e)
	case msgGPSCells:
		return c.gpsCells(e)
	case msgAlarmCell:
		return c.alarmCell(e)
	case msgAlarmCell4G:
		return c.alarmCell(e)
	case msgWiFi:
		return c.wifi(e)
	case msgWiFi4G:
		return c.locationLWxG(e) || c.wifi4G(e)
	case msgDriver:
		return c.locationNT(e)
	case msgSL4X:
		return c.locationSL4X(e)
	case msgSL4XAlarm:
		if c.form == extended {
			return c.az735(e)
		}
		return c.alarm(e)
	case msgSL4XWiFi:
		if c.form == extended {
			return c.az735(e)
		}
		return c.wifiSL4X(e)
	case msgX1:
		return c.locationX1(e) || c.cellsSL4X(e)
	case msgPhoto:
		return c.photoAnnounced(e)
	case msgHeartbeat4G:
		return c.photoBlock(e) || c.locationTRX16i(e) || c.heartbeat4G(e)
	case msgGPSModules:
		return c.location4G(e)
	case msgAlarmModules:
		return c.alarm4G(e)
	case msgBattery:
		return c.battery(e)
	case msgMedia:
		return c.media(e)
	case msgButton:
		return c.iButton(e)
	case msgOBDCodes, msgOBDPIDs, msgOBD:
		return c.obd(e)
	case msgModules:
		return c.modular(e)
	case msgFile:
		return c.file(e)
	case msgInformation:
		return c.information(e)
	case msgDashcam:
		return c.dashcam(e)
	case msgSerial, msgPeripheral:
		return c.serialPort(e)
	case msgWiFiAlarm:
		return c.wifiAlarm(e)
	case msgClockIn:
		return c.clockIn(e)
	case msgDeviceStatus:
		return c.deviceStatus(e)
	case msgPeripherals:
		return c.peripherals(e)
	case msgWiFiSurvey:
		return c.wifiSurvey(e)
	case msgSatellites, msgAttendance:
		if len(b) >= 6 && plausibleDate(b) {
			c.date = b[:6]
			c.unread(e, b[6:])
			return true
		}
	}
	return false
}

// unread keeps bytes that have no meaning here.
func (c *call) unread(e *protocols.Event, b []byte) {
	if len(b) > 0 {
		e.Text("raw", hexText(b))
	}
}

// finish settles what all records share: kind, time, identity.
func (c *call) finish(e *protocols.Event) {
	if e.Alarm != "" {
		e.Kind = protocols.Alarm
	} else if e.Has&protocols.HasFix != 0 && e.Kind == protocols.Status {
		e.Kind = protocols.Position
	}
	c.setTime(e)
	if c.badCRC && c.s.Options.TolerateChecksum {
		e.Bool("checksum_ok", false)
	}
	switch at := c.skip + 1; {
	case c.skip == 0:
		e.FP = protocols.Fingerprint(c.record)
	case at+1 == len(c.record):
		e.FP = protocols.Fingerprint(c.record[:at])
	default:
		e.FP = protocols.Fingerprint(c.record[:at], c.record[at+1:])
	}
}

// unique drops of each attribute that was added twice the earlier one: a battery's percentage is worth more than its level, and a device
// that repeats a module means the last.
func unique(e *protocols.Event) {
	kept := e.Attrs[:0]
	for i, a := range e.Attrs {
		if _, again := e.Attrs[i+1:].Get(a.Name); !again {
			kept = append(kept, a)
		}
	}
	e.Attrs = kept
}
