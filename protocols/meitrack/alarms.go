package meitrack

// Events that say something else than an alarm.
const (
	eventGeofenceEnter = 20
	eventGeofenceExit  = 21
	eventAnswer        = 34
	eventRFID          = 37
	eventPicture       = 39
	eventTaximeter     = 109
	eventIgnitionOn    = 144
	eventIgnitionOff   = 145
)

// alarms are the events that raise an alarm.
var alarms = [...]string{
	1: "sos", 17: "low_battery", 18: "low_power", 19: "overspeed", eventGeofenceEnter: "geofence_enter", eventGeofenceExit: "geofence_exit",
	22: "power_restored", 23: "power_cut", 24: "gps_lost", 25: "gps_found", 28: "gps_antenna_cut", 36: "tow", 44: "jamming",
	50: "temperature_high", 51: "temperature_low", 53: "low_fuel", 54: "fuel_leak", 58: "theft", 78: "collision", 90: "harsh_corner",
	91: "harsh_corner", 129: "harsh_brake", 130: "harsh_accel", 133: "idling", 135: "fatigue", 139: "maintenance",
}
