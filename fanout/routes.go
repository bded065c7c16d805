package fanout

import (
	"net/http"

	"github.com/trackgate/trackgate/fanout/auth"
)

// Route is one route of the HTTP side, for whoever mounts it and for the test that tries them all.
type Route struct {
	Pattern string // as http.ServeMux takes it
	Handler http.Handler
	// Action is the scope that a token needs; 0 is a route that anybody may call: health, the console's own files, the exchange of a ticket,
	// and WebSocket and Socket.IO, which ask for their token themselves.
	Action auth.Action
}

// Routes are all of the server's routes. Each handler brings its own authentication: mounting one cannot forget it.
func (s *Server) Routes() []Route {
	read := func(pattern string, h http.HandlerFunc) Route {
		return Route{pattern, s.CORS(s.authority.Require(auth.Read, h)), auth.Read}
	}
	open := func(pattern string, h http.Handler) Route { return Route{pattern, h, 0} }
	routes := []Route{
		read("GET /api/vehicles/{id}/location", s.serveLocation),
		read("GET /api/vehicles/locations", s.serveLocations),
		read("GET /api/vehicles/{id}/history", s.serveHistory),
		read("GET /api/vehicles/{id}/hourly", s.serveHourly),
		read("POST /api/tickets", s.serveTickets),
		open("POST /api/session", s.CORS(http.HandlerFunc(s.serveSession))),
		open("OPTIONS /api/", s.CORS(http.NotFoundHandler())),
		open("GET /health/realtime", s.CORS(http.HandlerFunc(s.serveHealth))),
		open("GET /ws", http.HandlerFunc(s.serveSocket)),
		open("GET /socket.io/", s.CORS(http.HandlerFunc(s.serveSocketIO))),
		open("POST /socket.io/", s.CORS(http.HandlerFunc(s.serveSocketIO))),
		open("OPTIONS /socket.io/", s.CORS(http.NotFoundHandler())),
		{"GET /events", s.CORS(http.HandlerFunc(s.serveEvents)), auth.Read},
	}
	if s.decode != nil {
		routes = append(routes, read("POST /api/decode", s.decode.ServeHTTP))
	}
	if s.console != nil {
		routes = append(routes, open("/", s.console))
	}
	return routes
}

// Handler serves all routes.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	return mux
}
