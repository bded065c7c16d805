// Package fanout brings events to whoever watches: it publishes them on Redis (or within the process), and serves them to dashboards over
// WebSocket, server-sent events and HTTP.
//
//	Publisher ─▶ Bus ─▶ Hub ─▶ clients
//
//	Hub ─▶ shards, a goroutine each ─┬─ edges: a client and a vehicle, by name or in the client's part of the map (tiles)
//	                                 └─ cohorts ─ lanes: clients that follow everything, and a vehicle
//	client ─ socket ─┬─ descriptor: watched by a poller (Linux, without TLS); a goroutine only while a request is carried out
//	                 └─ connWire: any connection, with a goroutine
//
// A Publisher is the body of the live sink. A Bus carries messages between nodes. A Hub spreads them over its clients, each of which gets
// what its token allows, at the rate that it asked for, the newest first when it is slow. Server is the HTTP side of it all.
package fanout
