package main

import (
	"path"

	"github.com/trackgate/trackgate/cmd/trackgate/inspect"
	"github.com/trackgate/trackgate/gateway/replay"
	"github.com/trackgate/trackgate/protocols/all"
)

// replayAddress is where the replay listener of the default configuration is.
const replayAddress = "127.0.0.1:5999"

// isDevicePort says that a gateway listens on this port for devices.
func isDevicePort(port uint16) bool {
	if port == inspect.AnyPort || port == 5999 {
		return true
	}
	for _, p := range all.Protocols {
		if int(port) == p.TCP || int(port) == p.UDP {
			return true
		}
	}
	return false
}

// noSocket says that captures in this folder are of a protocol that no device port takes.
func noSocket(folder string) bool {
	p := all.ByName(folder)
	return p != nil && p.TCP == 0 && p.UDP == 0
}

// folder is the name of the folder that a capture lies in.
func folder(name string) string { return path.Base(path.Dir(name)) }

// atPort keeps the conversations with a server on port; 0 keeps all.
func atPort(list []replay.Conversation, port uint16) []replay.Conversation {
	if port == 0 {
		return list
	}
	var out []replay.Conversation
	for _, c := range list {
		if c.Port == port {
			out = append(out, c)
		}
	}
	return out
}
