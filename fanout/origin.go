package fanout

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// originAllowed says whether a page of that origin may use us. Requests without an origin do not come from a page.
func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if u, err := url.Parse(origin); err == nil && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	return slices.Contains(s.config.Origins, "*") || slices.ContainsFunc(s.config.Origins, func(o string) bool {
		return strings.EqualFold(strings.TrimSuffix(o, "/"), origin)
	})
}

// ParseOrigins splits the value of WS_CORS_ORIGIN: origins with commas or spaces between them.
func ParseOrigins(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
}

// ParseNetworks reads networks, or single addresses.
func ParseNetworks(list []string) (networks []netip.Prefix, err error) {
	for _, v := range list {
		v = strings.TrimSpace(v)
		if v == "" {
			continue
		}
		p, err := netip.ParsePrefix(v)
		if err != nil {
			a, wrong := netip.ParseAddr(v)
			if wrong != nil {
				return nil, err
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		networks = append(networks, p.Masked())
	}
	return networks, nil
}

// CORS answers browsers that ask on behalf of pages of other hosts. Tokens travel in a header that only scripts set, never in a cookie,
// so credentials are not part of it. Whoever mounts routes beside ours
// wraps them in it too; preflights below /api/ are answered here already.
func (s *Server) CORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Add("Vary", "Origin")
		if s.originAllowed(r) {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", "Date, Retry-After, "+cursorHeader)
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			if s.originAllowed(r) {
				h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID")
				h.Set("Access-Control-Max-Age", "600")
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
