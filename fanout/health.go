package fanout

import "net/http"

// serveHealth is GET /health/realtime. A single process without Redis has its bus always connected.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	status, redis := "healthy", "connected"
	if !s.bus.Connected() {
		status, redis = "degraded", "disconnected"
	}
	answer(w, http.StatusOK, struct {
		Status      string `json:"status"`
		Connections int64  `json:"connections"`
		Rooms       int    `json:"rooms"` // vehicles that somebody follows by name
		Redis       string `json:"redis"`
		Limit       int    `json:"limit"` // of connections
	}{status, s.counters.Clients.Load(), s.hub.rooms(), redis, s.gate.limits.Connections})
}
