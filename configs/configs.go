// Package configs holds the default configuration, which is also its documentation, and loads the one in force: the defaults,
// a file over them, the environment over both.
package configs

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/spf13/viper"
)

// Default is configs/trackgate.yaml: every key with its default and a sentence.
//
//go:embed trackgate.yaml
var Default []byte

// aliases are the names that other tools' users know, beside TRACKGATE_<SECTION>_<KEY>.
var aliases = map[string]string{
	"DATABASE_URL":     "store.url",
	"REDIS_URL":        "bus.redis",
	"JWT_SECRET":       "auth.secret",
	"JWKS_URL":         "auth.jwks",
	"WS_CORS_ORIGIN":   "fanout.origins",
	"WS_PING_INTERVAL": "fanout.ping_interval",
	"WS_PING_TIMEOUT":  "fanout.ping_timeout",
}

// Load fills into with the configuration: into's fields carry mapstructure tags. path is a YAML file, or empty; environ is what os.Environ returns. A key
// that the defaults do not have is an error, in the file and in the environment.
func Load(path string, environ []string, into any) error {
	v := viper.New()
	v.SetConfigType("yaml")
	if err := v.ReadConfig(bytes.NewReader(Default)); err != nil {
		return fmt.Errorf("configuration: defaults: %w", err)
	}
	known := make(map[string]bool)
	for _, k := range v.AllKeys() {
		known[k] = true
	}
	if path != "" {
		if err := merge(v, known, path); err != nil {
			return err
		}
	}
	if err := environment(v, known, environ); err != nil {
		return err
	}
	if err := v.UnmarshalExact(into); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

// open are the sections whose keys are the operator's own.
var open = []string{"gateway.listen."}

func merge(v *viper.Viper, known map[string]bool, path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	file := viper.New()
	file.SetConfigType("yaml")
	if err := file.ReadConfig(bytes.NewReader(raw)); err != nil {
		return fmt.Errorf("configuration: %s: %w", path, err)
	}
	var unknown []string
	for _, k := range file.AllKeys() {
		if !known[k] && !hasPrefix(k, open) {
			unknown = append(unknown, k)
		}
	}
	if len(unknown) > 0 {
		sort.Strings(unknown)
		return fmt.Errorf("configuration: %s: unknown keys: %s; `trackgate config` prints all there are", path, strings.Join(unknown, ", "))
	}
	return v.MergeConfigMap(file.AllSettings())
}

func hasPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// environment sets TRACKGATE_<SECTION>_<KEY> and the aliases; the former win.
func environment(v *viper.Viper, known map[string]bool, environ []string) error {
	const prefix = "TRACKGATE_"
	names := make(map[string]string, len(known))
	for k := range known {
		names[prefix+strings.ToUpper(strings.ReplaceAll(k, ".", "_"))] = k
	}
	own := make(map[string]string)
	var errs []error
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if key, ok := aliases[name]; ok && value != "" {
			v.Set(key, alias(name, value))
			continue
		}
		// The tests have names of their own.
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, prefix+"TEST_") {
			continue
		}
		key, ok := names[name]
		if !ok {
			errs = append(errs, fmt.Errorf("configuration: environment: no key for %s", name))
			continue
		}
		own[key] = value
	}
	for k, value := range own {
		v.Set(k, value)
	}
	return errors.Join(errs...)
}

// alias gives the founding system's plain milliseconds a unit.
func alias(name, value string) string {
	if strings.HasPrefix(name, "WS_PING_") && strings.Trim(value, "0123456789") == "" {
		return value + "ms"
	}
	return value
}
