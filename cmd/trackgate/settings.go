package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trackgate/trackgate/configs"
	"github.com/trackgate/trackgate/fanout"
	"github.com/trackgate/trackgate/gateway"
	"github.com/trackgate/trackgate/persistence"
)

// settings are the whole configuration, a section each package's own.
type settings struct {
	Data    string             `mapstructure:"data"`
	Roles   string             `mapstructure:"roles"`
	HTTP    httpSettings       `mapstructure:"http"`
	Log     logSettings        `mapstructure:"log"`
	Gateway gateway.Config     `mapstructure:"gateway"`
	Journal journalSettings    `mapstructure:"journal"`
	Store   persistence.Config `mapstructure:"store"`
	Bus     busSettings        `mapstructure:"bus"`
	Auth    authSettings       `mapstructure:"auth"`
	Fanout  fanoutSettings     `mapstructure:"fanout"`
	Console consoleSettings    `mapstructure:"console"`

	ingest, fanout bool // the roles
}

type httpSettings struct {
	Addr              string        `mapstructure:"addr"`
	ReadHeaderTimeout time.Duration `mapstructure:"read_header_timeout"`
	IdleTimeout       time.Duration `mapstructure:"idle_timeout"`
	Metrics           string        `mapstructure:"metrics"`
	Reports           string        `mapstructure:"reports"` // path at which phones report without a token; empty: none
}

type logSettings struct {
	Level  string `mapstructure:"level"`
	Format string `mapstructure:"format"`
}

type journalSettings struct {
	MaxMiB     int64 `mapstructure:"max_mib"`
	SegmentMiB int64 `mapstructure:"segment_mib"`
	KeepMiB    int64 `mapstructure:"keep_mib"`
	FreeMiB    int64 `mapstructure:"free_mib"`
}

type busSettings struct {
	Redis   string `mapstructure:"redis"`
	Cluster bool   `mapstructure:"cluster"`
	Window  int    `mapstructure:"window"`
}

type authSettings struct {
	Secret      string        `mapstructure:"secret"`
	JWKS        string        `mapstructure:"jwks"`
	Algorithms  []string      `mapstructure:"jwks_algorithms"`
	GrantsCache time.Duration `mapstructure:"grants_cache"`
}

type fanoutSettings struct {
	MaxHz         float64       `mapstructure:"max_hz"`
	Origins       []string      `mapstructure:"origins"`
	PingInterval  time.Duration `mapstructure:"ping_interval"`
	PingTimeout   time.Duration `mapstructure:"ping_timeout"`
	AuthTimeout   time.Duration `mapstructure:"auth_timeout"`
	Connections   int           `mapstructure:"connections"`
	PerUser       int           `mapstructure:"connections_per_user"`
	PerAddress    int           `mapstructure:"connections_per_address"`
	Proxies       []string      `mapstructure:"trusted_proxies"`
	Subscriptions int           `mapstructure:"subscriptions"`
	Events        int           `mapstructure:"events"`
	Frame         int           `mapstructure:"frame_bytes"`
	Stall         time.Duration `mapstructure:"stall"`
}

type consoleSettings struct {
	Tiles       string `mapstructure:"tiles"`
	Attribution string `mapstructure:"attribution"`
}

// settingsFlags are the flags that commands with a configuration share.
type settingsFlags struct {
	config, data string
}

func (f *settingsFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.config, "config", "", "YAML `file` with what differs from the defaults, which \"trackgate config\" prints")
	c.Flags().StringVar(&f.data, "data", "", "`folder` of everything that Trackgate keeps itself (default ./data)")
}

// load reads the configuration and checks what no single package can.
func (f *settingsFlags) load() (*settings, error) {
	s := new(settings)
	if err := configs.Load(f.config, os.Environ(), s); err != nil {
		return nil, err
	}
	if f.data != "" {
		s.Data = f.data
	}
	if s.Store.Path == "" {
		s.Store.Path = filepath.Join(s.Data, "trackgate.db")
	}
	return s, nil
}

// check validates s for serving.
func (s *settings) check() error {
	for _, role := range strings.Split(s.Roles, ",") {
		switch strings.TrimSpace(role) {
		case "ingest":
			s.ingest = true
		case "fanout":
			s.fanout = true
		default:
			return fmt.Errorf("roles: %q is neither ingest nor fanout", role)
		}
	}
	var errs []error
	if err := s.Gateway.Validate(); err != nil {
		errs = append(errs, err)
	}
	if s.Bus.Window < 0 || s.Bus.Window > fanout.MaxWindow {
		errs = append(errs, fmt.Errorf("bus.window: 0 to %d", fanout.MaxWindow))
	}
	if s.Bus.Cluster && s.Bus.Redis == "" {
		errs = append(errs, errors.New("bus.cluster: which one? set REDIS_URL"))
	}
	if s.Bus.Redis == "" && !(s.ingest && s.fanout) {
		errs = append(errs, errors.New("bus.redis: roles in separate processes meet in Redis; set REDIS_URL"))
	}
	if s.Auth.Secret == "" && s.Auth.JWKS == "" && (s.Bus.Redis != "" || !(s.ingest && s.fanout)) {
		errs = append(errs, errors.New("auth: with Redis, or roles in separate processes, all nodes need the same key; set JWT_SECRET or JWKS_URL"))
	}
	if s.Auth.Secret != "" && len(s.Auth.Secret) < minSecret {
		errs = append(errs, fmt.Errorf("auth.secret: %d bytes are too few to resist guessing; use %d or more, such as from `openssl rand -hex 32`", len(s.Auth.Secret), minSecret))
	}
	if s.Journal.SegmentMiB < 4 || s.Journal.MaxMiB < 3*s.Journal.SegmentMiB || s.Journal.KeepMiB < 0 || s.Journal.FreeMiB < 0 {
		errs = append(errs, errors.New("journal: segment_mib is 4 or more, max_mib three times that or more, keep_mib and free_mib not negative"))
	}
	if s.HTTP.Metrics != "local" && s.HTTP.Metrics != "open" {
		errs = append(errs, fmt.Errorf("http.metrics: %q is neither local nor open", s.HTTP.Metrics))
	}
	if p := s.HTTP.Reports; p != "" && !mayReport(p) {
		errs = append(errs, fmt.Errorf("http.reports: %q is no path of its own, such as / or /report", p))
	}
	if s.Fanout.MaxHz < 0 {
		errs = append(errs, errors.New("fanout.max_hz: is 0 or more"))
	}
	s.Store.Unknown = unknownPolicy(s)
	return errors.Join(errs...)
}

// mayReport tells whether phones may be given a path: one that nothing else is served at.
func mayReport(p string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	switch first {
	case "api", "ws", "events", "health", "healthz", "readyz", "metrics", "socket.io":
		return false
	}
	return strings.HasPrefix(p, "/") && path.Clean(p) == p && !strings.ContainsAny(p, "?#% \t{}")
}
