package meiligao

// Commands from the device, and the server's answers to them.
const (
	cmdHeartbeat      = 0x0001
	cmdServer         = 0x0002
	cmdPhotoRequest   = 0x0800
	cmdPhotoComplete  = 0x0f80
	cmdLoginAnswer    = 0x4000
	cmdFirstAnswer    = 0x4101
	cmdLastAnswer     = 0x4902
	cmdLogin          = 0x5000
	cmdRetransmission = 0x6688
	cmdPhotoAccept    = 0x8801
	cmdSerial         = 0x9001
	cmdStored         = 0x9016
	cmdOBD            = 0x9901
	cmdTrip           = 0x9902
	cmdDTC            = 0x9903
	cmdPosition       = 0x9955
	cmdRFID           = 0x9966
	cmdPhotoDone      = 0x9977
	cmdPhotoData      = 0x9988
	cmdAlarm          = 0x9999
)

const other = "other"

// typeOf names a message for metrics; other: it is not known.
func typeOf(command uint16) string {
	switch command {
	case cmdHeartbeat:
		return "heartbeat"
	case cmdServer:
		return "server"
	case cmdPhotoRequest, cmdPhotoComplete, cmdPhotoDone, cmdPhotoData:
		return "photo"
	case cmdLogin:
		return "login"
	case cmdRetransmission:
		return "retransmission"
	case cmdSerial:
		return "serial"
	case cmdStored:
		return "stored"
	case cmdOBD:
		return "obd"
	case cmdTrip:
		return "trip"
	case cmdDTC:
		return "dtc"
	case cmdPosition:
		return "position"
	case cmdRFID:
		return "rfid"
	case cmdAlarm:
		return "alarm"
	}
	if command >= cmdFirstAnswer && command <= cmdLastAnswer {
		return "result"
	}
	return other
}

// alarms are the codes of 9999 and of retransmitted reports.
var alarms = [256]string{
	0x01: "sos", 0x02: "input", 0x03: "input", 0x04: "input", 0x05: "input", 0x10: "low_battery", 0x11: "overspeed", 0x12: "movement",
	0x13: "geofence", 0x14: "collision", 0x50: "power_cut", 0x53: "gps_antenna_cut", 0x60: "fatigue", 0x71: "harsh_brake",
	0x72: "harsh_brake", 0x73: "harsh_accel", 0x74: "idling",
}

// Codes that mean something else on a TK218.
var alarmsTK218 = map[byte]string{0x72: "harsh_accel", 0x73: "collision"}

// quiet tells whether a code raises no alarm: none at all, an input that was released, a turn of the vehicle.
func quiet(code byte) bool { return code == 0 || code >= 0x31 && code <= 0x35 || code == 0x52 }

// alarmOf is the alarm of a code.
func (c *call) alarmOf(code byte) string {
	switch {
	case quiet(code):
		return ""
	case c.s.Options.Model == "TK218" && alarmsTK218[code] != "":
		return alarmsTK218[code]
	case alarms[code] != "":
		return alarms[code]
	}
	return "general"
}
