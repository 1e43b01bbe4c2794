package acquisition

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
)

const eigerDetector = "/entry/instrument/detector"

// readEiger reads the master file of a DECTRIS detector: links data_000001, … to files with patterns, and the geometry. It has no
// positions.
func readEiger(a *Acquisition) error {
	if err := a.eigerPatterns(); err != nil {
		return err
	}
	a.absent = "a detector's master file has none"
	var err error
	if a.Distance, err = a.physical("distance", entry{eigerDetector + "/detector_distance", 1}, entry{eigerDetector + "/distance", 1}); err != nil {
		return err
	}
	a.Distance = math.Abs(a.Distance)
	if a.PixelWidth, err = a.physical("length", entry{eigerDetector + "/x_pixel_size", 1}); err != nil {
		return err
	}
	if a.PixelHeight, err = a.physical("length", entry{eigerDetector + "/y_pixel_size", 1}); err != nil {
		return err
	}
	if err := a.eigerBeam(); err != nil {
		return err
	}
	if err := a.beamCentre(eigerDetector+"/beam_center_y", eigerDetector+"/beam_center_x"); err != nil {
		return err
	}
	return a.badPixels(eigerDetector+"/detectorSpecific/pixel_mask", eigerDetector+"/pixel_mask")
}

// eigerPatterns joins the linked datasets in order. A file that is missing is named with all others that are.
func (a *Acquisition) eigerPatterns() error {
	g, err := a.file.Group("/entry/data")
	if err != nil {
		return err
	}
	links, err := g.Links()
	if err != nil {
		return err
	}
	var missing []string
	for _, l := range links {
		if !strings.HasPrefix(l.Name, "data_") || strings.Trim(l.Name[len("data_"):], "0123456789") != "" {
			continue
		}
		o, err := g.Follow(l)
		if err != nil {
			if l.Kind == hdf5.External {
				missing = append(missing, fmt.Sprintf("%s (%v)", l.File, err))
				continue
			}
			return err
		}
		d, ok := o.(*hdf5.Dataset)
		if !ok {
			return fmt.Errorf("/entry/data/%s is a group, not a dataset", l.Name)
		}
		if err := a.stack(d); err != nil {
			return err
		}
	}
	const shown = 3
	switch {
	case len(missing) > shown:
		return fmt.Errorf("%d of its data files cannot be read: %s, …; copy them into the folder of the master file", len(missing), strings.Join(missing[:shown], ", "))
	case missing != nil:
		return fmt.Errorf("data files cannot be read: %s; copy them into the folder of the master file", strings.Join(missing, ", "))
	}
	return a.eigerTotal()
}

// eigerTotal notes a number of patterns that is not the one that was asked of the detector.
func (a *Acquisition) eigerTotal() error {
	images, ok, err := a.number(eigerDetector + "/detectorSpecific/nimages")
	if err != nil || !ok {
		return err
	}
	triggers, ok, err := a.number(eigerDetector + "/detectorSpecific/ntrigger")
	if err != nil || !ok {
		return err
	}
	if asked := images * triggers; asked != float64(a.Patterns) {
		a.Notes = append(a.Notes, fmt.Sprintf("the data files have %d patterns, and the detector was to take %.0f", a.Patterns, asked))
	}
	return nil
}

// electronDetectors are the DECTRIS detectors of electron microscopes, whose files call the energy of the electrons that of photons.
var electronDetectors = []string{"ARINA", "QUADRO", "SINGLA", "ELA"}

// eigerBeam reads the wavelength.
func (a *Acquisition) eigerBeam() error {
	wavelength, err := a.physical("wavelength", entry{"/entry/instrument/beam/incident_wavelength", 1e-10}, entry{"/entry/sample/beam/incident_wavelength", 1e-10})
	if err != nil {
		return err
	}
	energy, err := a.physical("energy", entry{eigerDetector + "/detectorSpecific/photon_energy", electron}, entry{eigerDetector + "/photon_energy", electron})
	if err != nil {
		return err
	}
	description, err := a.text(eigerDetector + "/description")
	if err != nil {
		return err
	}
	words := strings.Fields(strings.ToUpper(description))
	switch {
	case energy > 0 && slices.ContainsFunc(electronDetectors, func(name string) bool { return slices.Contains(words, name) }):
		a.Notes = append(a.Notes, fmt.Sprintf("the energy of %.5g keV is that of electrons, because the detector is a %s", energy/electron/1e3, description))
		a.Wavelength = physics.ElectronWavelength(energy)
	case wavelength > 0:
		a.Wavelength = wavelength
	case energy > 0:
		a.Wavelength = physics.PhotonWavelength(energy)
	}
	return nil
}
