package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// DeviceJSON is a device of the registry as the HTTP API and imports write it.
type DeviceJSON struct {
	ID      string   `json:"id"`
	Vehicle string   `json:"vehicle,omitempty"` // empty: the device's own id
	Groups  []string `json:"groups,omitempty"`
	Options []string `json:"options,omitempty"` // key=value: model, zone, unit, tolerate_checksum, networks, and what the protocol defines
	Policy  string   `json:"policy,omitempty"`  // accept, quarantine or reject; empty: accept
}

// Device checks d and converts it.
func (d DeviceJSON) Device() (protocols.Device, error) {
	out := protocols.Device{ID: d.ID, Vehicle: d.Vehicle, Groups: d.Groups, Policy: protocols.Policy(d.Policy)}
	if out.Vehicle == "" {
		out.Vehicle = d.ID
	}
	for what, v := range map[string]string{"id": out.ID, "vehicle": out.Vehicle} {
		if v == "" || len(v) > protocols.MaxIdentity {
			return out, fmt.Errorf("%s: has 1 to %d bytes", what, protocols.MaxIdentity)
		}
	}
	switch out.Policy {
	case "":
		out.Policy = protocols.Accept
	case protocols.Accept, protocols.Quarantine, protocols.Reject:
	default:
		return out, fmt.Errorf("policy: %q is none of accept, quarantine, reject", d.Policy)
	}
	var err error
	out.Options, err = protocols.ParseOptions(d.Options)
	return out, err
}

// NewDeviceJSON converts a device for people and programs.
func NewDeviceJSON(d protocols.Device) DeviceJSON {
	return DeviceJSON{ID: d.ID, Vehicle: d.Vehicle, Groups: d.Groups, Options: d.Options.Pairs(), Policy: string(d.Policy)}
}

// DeviceAPI is the registry over HTTP. Who may call it is decided before it is reached.
type DeviceAPI struct {
	List func(ctx context.Context, after string, limit int) ([]protocols.Device, error)
	Put  func(ctx context.Context, devices []protocols.Device) error
}

const maxDevices = 1000 // of one call

// Get lists devices: {"devices":[...],"cursor":null|"..."}; `after` and `limit` page.
func (a *DeviceAPI) Get(w http.ResponseWriter, r *http.Request) {
	limit := maxDevices
	if v := r.FormValue("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			answer(w, http.StatusBadRequest, map[string]string{"error": "limit: not a number from 1 on"})
			return
		}
		limit = min(n, maxDevices)
	}
	devices, err := a.List(r.Context(), r.FormValue("after"), limit)
	if err != nil {
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "the registry can not be read now"})
		return
	}
	page := struct {
		Devices []DeviceJSON `json:"devices"`
		Cursor  *string      `json:"cursor"`
	}{Devices: []DeviceJSON{}}
	for _, d := range devices {
		page.Devices = append(page.Devices, NewDeviceJSON(d))
	}
	if len(devices) == limit {
		page.Cursor = &devices[limit-1].ID
	}
	answer(w, http.StatusOK, page)
}

// PutAll adds or replaces devices: {"devices":[...]}, all or none.
func (a *DeviceAPI) PutAll(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Devices []DeviceJSON `json:"devices"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil {
		answerTooLarge(w, err)
		return
	}
	devices, err := convert(body.Devices)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	if err := a.Put(r.Context(), devices); err != nil {
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "the registry can not be written now"})
		return
	}
	answer(w, http.StatusOK, map[string]int{"devices": len(devices)})
}

func convert(in []DeviceJSON) ([]protocols.Device, error) {
	if len(in) == 0 || len(in) > maxDevices {
		return nil, errors.New("devices: give 1 to 1000 of them")
	}
	out := make([]protocols.Device, len(in))
	for i := range in {
		var err error
		if out[i], err = in[i].Device(); err != nil {
			return nil, fmt.Errorf("devices[%d]: %w", i, err)
		}
	}
	return out, nil
}
