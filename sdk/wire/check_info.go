package wire

import (
	"regexp"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/words"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// Limits for a backend's description of itself, about ten times the largest known values.
const (
	maxText       = 200  // characters of a version, an engine's name, a device's name
	maxListed     = 1000 // capabilities, or operations
	maxDevices    = 1000
	maxDeviceSize = 1 << 50 // bytes, a petabyte
	maxCores      = 1 << 20
	maxReason     = 1000 // characters
)

// backendName matches valid values of --backend.
var backendName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// checkInfo checks a backend's description of itself.
func checkInfo(m *pb.InfoResponse) error {
	const op = "info"
	switch {
	case !backendName.MatchString(m.GetName()):
		return breach(op, "name", "is %s, expected 1 to 64 letters, digits, dots, hyphens and underscores", quoted(m.GetName()))
	case words.Line(m.GetVersion(), maxText) != m.GetVersion():
		return breach(op, "version", "is %s, expected at most %d printable characters", quoted(m.GetVersion()), maxText)
	case words.Line(m.GetEngine(), maxText) != m.GetEngine():
		return breach(op, "engine", "is %s, expected at most %d printable characters", quoted(m.GetEngine()), maxText)
	case m.GetProtocolMajor() != backend.ProtocolMajor:
		return breach(op, "protocol_major", "is %d, expected %d", m.GetProtocolMajor(), backend.ProtocolMajor)
	case m.GetProtocolMinor() < 0:
		return breach(op, "protocol_minor", "is %d, expected 0 or more", m.GetProtocolMinor())
	}
	if err := checkWords(op, "capabilities", m.GetCapabilities()); err != nil {
		return err
	}
	if err := checkWords(op, "operations", m.GetOperations()); err != nil {
		return err
	}
	var seen []pb.DType
	for _, d := range m.GetDtypes() {
		// A later minor version may have more types; this host cannot use them.
		if d <= 0 || d > 255 || tensor.DType(d).Size() == 0 && m.GetProtocolMinor() <= backend.ProtocolMinor || slices.Contains(seen, d) {
			return breach(op, "dtypes", "has the type %d, expected known types, each once", int32(d))
		}
		seen = append(seen, d)
	}
	return nil
}

// checkWords checks a list of names that the contract defines. Names of a later minor version are accepted.
func checkWords(op, field string, list []string) error {
	if len(list) > maxListed {
		return breach(op, field, "has %d entries, expected at most %d", len(list), maxListed)
	}
	seen := map[string]bool{}
	for _, w := range list {
		if !word.MatchString(w) || seen[w] {
			return breach(op, field, "has the entry %s, expected lower-case words, each once", quoted(w))
		}
		seen[w] = true
	}
	return nil
}

// deviceID matches the kind of a device with an optional number after a colon.
var deviceID = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}(:[0-9]{1,6})?$`)

// devicesIn returns the devices that a backend lists. Names and reasons come from drivers, so unprintable characters in
// them are replaced instead of rejected.
func devicesIn(m *pb.DevicesResponse) ([]backend.Device, error) {
	const op = "devices"
	if n := len(m.GetDevices()); n > maxDevices {
		return nil, breach(op, "devices", "has %d entries, expected at most %d", n, maxDevices)
	}
	var out []backend.Device
	seen := map[string]bool{}
	for _, d := range m.GetDevices() {
		switch {
		case !deviceID.MatchString(d.GetId()) || seen[d.GetId()]:
			return nil, breach(op, "id", "of a device is %s, expected a kind and a number, such as cuda:0, each once", quoted(d.GetId()))
		case d.GetMemory() < 0 || d.GetMemory() > maxDeviceSize:
			return nil, breach(op, "memory", "of the device %s is %d bytes, expected 0 to %d", d.GetId(), d.GetMemory(), int64(maxDeviceSize))
		case d.GetCores() < 0 || d.GetCores() > maxCores:
			return nil, breach(op, "cores", "of the device %s is %d, expected 0 to %d", d.GetId(), d.GetCores(), maxCores)
		}
		seen[d.GetId()] = true
		out = append(out, backend.Device{
			ID: d.GetId(), Name: words.Line(d.GetName(), maxText), Usable: d.GetUsable(), Reason: words.Line(d.GetReason(), maxReason),
			Memory: d.GetMemory(), Cores: int(d.GetCores()),
		})
	}
	return out, nil
}
