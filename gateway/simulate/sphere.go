package simulate

import "math"

const earth = 6_371_008.8 // mean radius in metres

// distance is in metres, for places near each other.
func distance(lat1, lng1, lat2, lng2 float64) float64 {
	x := radians(lng2-lng1) * math.Cos(radians((lat1+lat2)/2))
	return earth * math.Hypot(x, radians(lat2-lat1))
}

// bearing is in degrees clockwise from north.
func bearing(lat1, lng1, lat2, lng2 float64) float64 {
	x := radians(lng2-lng1) * math.Cos(radians((lat1+lat2)/2))
	b := math.Atan2(x, radians(lat2-lat1)) * 180 / math.Pi
	return math.Mod(b+360, 360)
}

// angle is the turn from one course to another, -180 to 180.
func angle(from, to float64) float64 {
	return math.Mod(to-from+540, 360) - 180
}

func radians(deg float64) float64 { return deg * math.Pi / 180 }
