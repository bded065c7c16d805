// Package testdata holds the recorded conversations of devices, a folder for each protocol. The tests of every protocol read them, and
// `trackgate demo` plays them from inside the program.
package testdata

import "embed"

// FS is the captures: <protocol>/<name>.tcp and .udp.
//
//go:embed */*.[tu][cd]p
var FS embed.FS
