package gt06

// Protocol numbers of messages from the device.
const (
	msgLogin          = 0x01
	msgGPS            = 0x10
	msgLBS            = 0x11
	msgGPSLBS         = 0x12
	msgHeartbeat      = 0x13
	msgSatellites     = 0x14
	msgText           = 0x15
	msgAlarm          = 0x16
	msgPhoneByCell    = 0x17 // also GPS + LBS + RFID
	msgCells          = 0x18
	msgAlarmCell      = 0x19
	msgPhoneByGPS     = 0x1a
	msgGPSCells       = 0x1e
	msgTextExtended   = 0x21
	msgGPSLBSTail     = 0x22
	msgHeartbeatVolts = 0x23
	msgCells24        = 0x24
	msgDriver         = 0x25
	msgAlarmUTC       = 0x26
	msgAlarmFences    = 0x27
	msgCells28        = 0x28
	msgAddress        = 0x2a
	msgWiFi           = 0x2c
	msgGPSLBSWith     = 0x2d
	msgCells2E        = 0x2e
	msgSL4X           = 0x31
	msgSL4XAlarm      = 0x32
	msgSL4XWiFi       = 0x33
	msgX1             = 0x34
	msgPhoto          = 0x35
	msgHeartbeat4G    = 0x36 // also a block of a photo, and a location of the TRX16i
	msgGPSLBSModules  = 0x37
	msgGPSModules     = 0x38
	msgAlarmModules   = 0x39
	msgBattery        = 0x40
	msgMedia          = 0x41
	msgButton         = 0x61
	msgOBDCodes       = 0x65
	msgOBDPIDs        = 0x66
	msgModules        = 0x70
	msgCommand        = 0x80 // server to device
	msgTime           = 0x8a
	msgOBD            = 0x8c
	msgFile           = 0x8d
	msgIMSI           = 0x90
	msgInformation    = 0x94
	msgDashcam        = 0x95
	msgAddressText    = 0x97 // server to device
	msgSerial         = 0x9b
	msgPeripheral     = 0x9c
	msgGPSLBS4        = 0xa0
	msgCells4G        = 0xa1
	msgWiFi4G         = 0xa2
	msgAlarm4G        = 0xa3
	msgAlarm4GFences  = 0xa4
	msgAlarmCell4G    = 0xa5
	msgPhoneBy4G      = 0xa7
	msgWiFiAlarm      = 0xa9
	msgAttendance     = 0xb0
	msgClockIn        = 0xb2
	msgSurvey         = 0xc3
	msgDeviceStatus   = 0xf1
	msgPeripherals    = 0xf2
	msgWiFiSurvey     = 0xf3
)

// unknown is the name of a message that the catalogue lacks.
const unknown = "unknown"

// names of the messages by number, for metrics.
var names = func() (n [256]string) {
	for i := range n {
		n[i] = unknown
	}
	for number, name := range map[byte]string{
		msgLogin: "login", msgGPS: "gps", msgLBS: "lbs", msgGPSLBS: "gps_lbs", msgHeartbeat: "heartbeat",
		msgSatellites: "satellites", msgText: "text", msgAlarm: "alarm", msgPhoneByCell: "phone_cell", msgCells: "cells",
		msgAlarmCell: "alarm_cell", msgPhoneByGPS: "phone_gps", msgGPSCells: "gps_cells", msgTextExtended: "text",
		msgGPSLBSTail: "gps_lbs", msgHeartbeatVolts: "heartbeat", msgCells24: "cells", msgDriver: "driver",
		msgAlarmUTC: "alarm", msgAlarmFences: "alarm", msgCells28: "cells", msgAddress: "address", msgWiFi: "wifi",
		msgGPSLBSWith: "gps_lbs", msgCells2E: "cells", msgSL4X: "sl4x", msgSL4XAlarm: "sl4x_alarm",
		msgSL4XWiFi: "sl4x_wifi", msgX1: "x1", msgPhoto: "photo", msgHeartbeat4G: "heartbeat",
		msgGPSLBSModules: "gps_lbs", msgGPSModules: "gps_lbs", msgAlarmModules: "alarm", msgBattery: "battery",
		msgMedia: "media", msgButton: "ibutton", msgOBDCodes: "obd", msgOBDPIDs: "obd", msgModules: "modules",
		msgTime: "time", msgOBD: "obd", msgFile: "file", msgIMSI: "imsi", msgInformation: "information",
		msgDashcam: "dashcam", msgSerial: "serial", msgPeripheral: "serial", msgGPSLBS4: "gps_lbs",
		msgCells4G: "cells", msgWiFi4G: "wifi", msgAlarm4G: "alarm", msgAlarm4GFences: "alarm",
		msgAlarmCell4G: "alarm_cell", msgPhoneBy4G: "phone_cell", msgWiFiAlarm: "wifi_alarm",
		msgAttendance: "attendance", msgClockIn: "clock_in", msgSurvey: "survey", msgDeviceStatus: "status",
		msgPeripherals: "peripherals", msgWiFiSurvey: "wifi",
	} {
		n[number] = name
	}
	return n
}()
