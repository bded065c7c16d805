package persistence

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// Config says where events are kept and for how long. The zero value of every field but Path means its default.
type Config struct {
	// URL is postgres://... for TimescaleDB, or sqlite:PATH; empty means the SQLite file at Path.
	URL  string `mapstructure:"url"`
	Path string `mapstructure:"path"`

	// Timescale is "on", or "off" for a PostgreSQL server without the extension: plain tables, no compression, hours only as long
	// as raw events.
	Timescale string `mapstructure:"timescale"`
	// SynchronousCommit "off" lets the database answer before the disk has a batch. A crash of its host may then lose batches whose
	// journal segments are gone already; so it is for those who keep segments (journal.keep) longer than a crash takes.
	SynchronousCommit string `mapstructure:"synchronous_commit"`
	// Writers is the number of Write calls expected at once; it sizes the pool of connections.
	Writers int `mapstructure:"writers"`

	// WriteTimeout ends a Write that a paused or blocked server does not; QueryTimeout every other call.
	WriteTimeout time.Duration `mapstructure:"write_timeout"`
	QueryTimeout time.Duration `mapstructure:"query_timeout"`

	// CompressAfter is the age at which TimescaleDB compresses a day. Late uploads into compressed days are slow.
	CompressAfter time.Duration `mapstructure:"compress_after"`

	// How long raw events, hours, and events kept apart (from their receipt; dead letters too) are kept.
	Retention           time.Duration `mapstructure:"retention"`
	RetentionHourly     time.Duration `mapstructure:"retention_hourly"`
	RetentionQuarantine time.Duration `mapstructure:"retention_quarantine"`

	// Unknown is the policy with which devices that the registry does not know are entered in it.
	Unknown protocols.Policy `mapstructure:"-"`

	// DeviceCache is the number of devices whose row number is remembered.
	DeviceCache int `mapstructure:"device_cache"`
}

const day = 24 * time.Hour

// complete fills in the defaults and refuses what makes no sense.
func (c Config) complete() (Config, error) {
	def := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	def(&c.WriteTimeout, 30*time.Second)
	def(&c.QueryTimeout, 30*time.Second)
	def(&c.CompressAfter, 7*day)
	def(&c.Retention, 30*day)
	def(&c.RetentionHourly, 365*day)
	def(&c.RetentionQuarantine, 30*day)
	if c.Writers == 0 {
		c.Writers = 2
	}
	if c.DeviceCache == 0 {
		c.DeviceCache = 200_000
	}
	if c.Unknown == "" {
		c.Unknown = protocols.Accept
	}
	var err error
	if c.Timescale, err = onOff("timescale", c.Timescale); err != nil {
		return c, err
	}
	if c.SynchronousCommit, err = onOff("synchronous_commit", c.SynchronousCommit); err != nil {
		return c, err
	}
	switch {
	case c.WriteTimeout < 0 || c.QueryTimeout < 0 || c.CompressAfter < 0:
		return c, errors.New("store: a negative duration")
	case c.Retention < 3*day:
		// The hourly aggregate looks back a day less than this, and a day is the size of a partition.
		return c, errors.New("store: retention of less than 72h")
	case c.RetentionHourly < c.Retention:
		return c, errors.New("store: retention_hourly is shorter than retention")
	case c.RetentionQuarantine < time.Hour:
		return c, errors.New("store: retention_quarantine of less than 1h")
	case c.Writers < 0 || c.Writers > 64:
		return c, errors.New("store: writers is 1 to 64")
	case c.DeviceCache < 0:
		return c, errors.New("store: device_cache is negative")
	}
	if path, found := strings.CutPrefix(c.URL, "sqlite:"); found {
		c.URL, c.Path = "", strings.TrimPrefix(path, "//")
	}
	if c.URL != "" && !c.server() {
		scheme, _, _ := strings.Cut(c.URL, ":")
		return c, fmt.Errorf("store: url of scheme %q: want postgres://... or sqlite:PATH", scheme)
	}
	if c.URL == "" && c.Path == "" {
		return c, errors.New("store: neither url nor path is set")
	}
	return c, nil
}

// onOff reads a switch whose default is on. YAML reads a bare on as true.
func onOff(key, v string) (string, error) {
	switch strings.ToLower(v) {
	case "", "on", "true", "1":
		return "on", nil
	case "off", "false", "0":
		return "off", nil
	}
	return v, fmt.Errorf("store: %s %q is neither on nor off", key, v)
}

func (c Config) server() bool {
	return strings.HasPrefix(c.URL, "postgres://") || strings.HasPrefix(c.URL, "postgresql://")
}

// String names the store without its secrets.
func (c Config) String() string {
	if !c.server() {
		return "sqlite:" + c.Path
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return "postgres"
	}
	return "postgres://" + u.Host + u.Path
}

func (c Config) fileURL(pragmas ...string) (string, error) {
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return "", err
	}
	q := url.Values{"_pragma": pragmas}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	return u.String(), nil
}
