package fanout

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// fleetChannel stands before the number of one of the channels on which a cluster carries everything, for nodes with clients that follow all
// vehicles: a cluster has no patterns for sharded channels. A message is a JSON array of [channel, event], the channel being the one that
// the event was published on by itself.
const fleetChannel = "tracking:fleet:"

// fleetChannels is how many of them there are. They spread the load of the vehicles over the cluster's nodes.
const fleetChannels = 64

// besideChannel carries on a cluster, for our own nodes, what goes to a vehicle's events channel. Its slot is that of the vehicle's other
// channel: by the same node and connection, the two keep their order.
const besideChannel = "tracking:beside:{" + liveChannel

func besideName(vehicle string) string { return besideChannel + vehicle + "}" }

func fleetOf(vehicle string) int {
	h := fnv.New32a()
	h.Write([]byte(vehicle))
	return int(h.Sum32() % fleetChannels)
}

func fleetName(n int) string { return fleetChannel + strconv.Itoa(n) }

// fleetNumber takes such a channel's name apart.
func fleetNumber(channel string) (int, bool) {
	v, ok := strings.CutPrefix(channel, fleetChannel)
	n, err := strconv.Atoi(v)
	return n, ok && err == nil && n >= 0 && n < fleetChannels
}

// slotOf is the slot of a key or a sharded channel: CRC16/XMODEM of it, or of what stands in its first pair of braces if that is not empty.
func slotOf(key string) int {
	if open := strings.IndexByte(key, '{'); open >= 0 {
		if n := strings.IndexByte(key[open+1:], '}'); n > 0 {
			key = key[open+1 : open+1+n]
		}
	}
	var crc uint16
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc % 16384)
}
