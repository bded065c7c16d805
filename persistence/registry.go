package persistence

import (
	"encoding/json"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Limits of what the registry holds of one device.
const (
	maxGroups = 100
)

// checkDevices refuses devices that the registry can not hold. A device without a policy is accepted; one without a vehicle is its own.
func checkDevices(devices []protocols.Device) ([]protocols.Device, error) {
	out := make([]protocols.Device, len(devices))
	for i, d := range devices {
		switch d.Policy {
		case "":
			d.Policy = protocols.Accept
		case protocols.Accept, protocols.Quarantine, protocols.Reject:
		default:
			return nil, fmt.Errorf("%w: device %q: policy %q is none of accept, quarantine, reject", ErrRequest, d.ID, d.Policy)
		}
		if d.ID == "" || len(d.ID) > protocols.MaxIdentity || len(d.Vehicle) > protocols.MaxIdentity || unclean(d.ID) || unclean(d.Vehicle) {
			return nil, fmt.Errorf("%w: device %q: an id has 1 to %d bytes of UTF-8", ErrRequest, d.ID, protocols.MaxIdentity)
		}
		if len(d.Groups) > maxGroups {
			return nil, fmt.Errorf("%w: device %q: more than %d groups", ErrRequest, d.ID, maxGroups)
		}
		for _, g := range d.Groups {
			if g == "" || len(g) > protocols.MaxIdentity || unclean(g) {
				return nil, fmt.Errorf("%w: device %q: group %q", ErrRequest, d.ID, g)
			}
		}
		pairs := d.Options.Pairs()
		if _, err := protocols.ParseOptions(pairs); err != nil {
			return nil, fmt.Errorf("%w: device %q: %w", ErrRequest, d.ID, err)
		}
		for _, p := range pairs {
			if unclean(p) {
				return nil, fmt.Errorf("%w: device %q: option %q", ErrRequest, d.ID, p)
			}
		}
		if d.Vehicle == d.ID {
			d.Vehicle = ""
		}
		out[i] = d
	}
	return out, nil
}

func deviceLists(d *protocols.Device) (groups, options string, err error) {
	text := func(list []string) string {
		if list == nil {
			list = []string{}
		}
		b, e := json.Marshal(list)
		if e != nil {
			err = e
		}
		return string(b)
	}
	return text(d.Groups), text(d.Options.Pairs()), err
}

// completeDevice fills in what follows from the stored columns.
func completeDevice(d *protocols.Device, pairs []string) (err error) {
	if d.Vehicle == "" {
		d.Vehicle = d.ID
	}
	if len(d.Groups) == 0 {
		d.Groups = nil
	}
	if d.Options, err = protocols.ParseOptions(pairs); err != nil {
		return fmt.Errorf("options of device %s: %w", d.ID, err)
	}
	return nil
}

// changedDevices selects devices behind a revision. One change may concern more devices than a page holds and then all have the same
// revision, so a page ends only between revisions: it holds limit devices, and the rest of the last one's revision.
func changedDevices(since, limit string) string {
	return `SELECT ` + deviceColumns + `, revision FROM devices WHERE revision > ` + since + ` AND revision <= coalesce(
		(SELECT max(revision) FROM (SELECT revision FROM devices WHERE revision > ` + since + ` ORDER BY revision LIMIT ` + limit + `) AS page), 0)
		ORDER BY revision, device`
}

func addGrant(vehicles, groups []string, vehicle, group string) ([]string, []string) {
	if vehicle != "" {
		vehicles = append(vehicles, vehicle)
	}
	if group != "" {
		groups = append(groups, group)
	}
	return vehicles, groups
}
