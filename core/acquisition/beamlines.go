package acquisition

// Units of the table, in m and J.
const (
	mm  = 1e-3
	um  = 1e-6
	nm  = 1e-9
	keV = 1e3 * electron
)

// nexusData is where NeXus and the HDF5 plugin of areaDetector store the patterns.
const nexusData = "/entry/data/data"

// Paths that distinguish the files of beamlines with patterns at nexusData.
const (
	eigerData    = "/entry/data/data_000001"
	monoE        = "/entry/instrument/NDAttributes/monoE"
	isnLambda    = "/entry/instrument/NDAttributes/Wavelength"
	csaxsEnergy  = "/entry/instrument/monochromator/energy"
	csaxsPixel   = "/entry/instrument/eiger_4/x_pixel_size"
	hxnPositions = "/scan/scan_positions"
	polarLink    = "/entry/externals/eiger"
	nanomaxX     = "/entry/measurement/pseudo/x"
	lamniUnits   = "/entry/metadata_units/MonoEnergy_EGU"
)

// at makes a position that is not a column of a table.
func at(path string, unit float64) []position { return []position{{path, -1, unit}} }

// beamlines returns the table. Programs of each beamline and Ptychodus' readers say where its files have what.
func beamlines() []beamline {
	return []beamline{
		{name: "APS 4-ID", has: []string{polarLink}, data: []string{polarLink},
			y: at("/entry/instrument/NDAttributes/Ypos", um), x: at("/entry/instrument/NDAttributes/Xpos", um),
			absent: "APS 4-ID keeps them in the file of the link /entry/externals/pos_stream, columns 4 (y) and 3 (x), nm, several for a pattern, which must be averaged by trigger (column 2)",
			energy: []entry{{"/entry/instrument/bluesky/streams/baseline/mono_energy/value_start", keV}},
			z:      []entry{{"/entry/instrument/NDAttributes/DetectorDistance", mm}}},
		{name: "APS 9-ID", has: []string{"/exchange/data", "/exchange/motor_pos"}, data: []string{"/exchange/data"},
			y: []position{{"/exchange/motor_pos", 1, mm}}, x: []position{{"/exchange/motor_pos", 0, mm}}},
		{name: "APS 12-ID", has: []string{nexusData, monoE}, lacks: []string{polarLink}, data: []string{nexusData}, energy: []entry{{monoE, keV}},
			absent: "APS 12-ID keeps them in a .dat file, y in column 1, x in column 2 with the opposite sign, nm"},
		{name: "APS 12-ID processed", has: []string{"/dp", "/positions"}, data: []string{"/dp"},
			y: []position{{"/positions", 1, nm}}, x: []position{{"/positions", 2, -nm}}},
		{name: "APS 19-ID", has: []string{nexusData, isnLambda}, lacks: []string{polarLink, monoE}, data: []string{nexusData}, lambda: []entry{{isnLambda, 1e-10}},
			absent: "APS 19-ID keeps them in a second file, at /entry/data/Y_Position and /entry/data/X_Position, um"},
		{name: "APS 31-ID", has: []string{"/entry/data/eiger_4"}, data: []string{"/entry/data/eiger_4"},
			absent: "APS 31-ID keeps them in an Orchestra .dat file, y in column 6 and x in column 3, both with the opposite sign, um",
			energy: []entry{{"/entry/data/eiger_4@Photon_energy_kev", keV}}, z: []entry{{"/entry/data/eiger_4@Detector_distance_m", 1}},
			pixel: []entry{{"/entry/data/eiger_4@Pixel_size", 1}}, centreY: "/entry/data/eiger_4@Center_y_pixel", centreX: "/entry/data/eiger_4@Center_x_pixel"},
		{name: "APS 31-ID areaDetector", has: []string{nexusData, lamniUnits}, lacks: []string{"/entry/data/eiger_4", monoE, isnLambda}, data: []string{nexusData},
			absent: "APS 31-ID keeps them in an Orchestra .dat file, y in column 6 and x in column 3, both with the opposite sign, um",
			energy: []entry{{csaxsEnergy, keV}}, z: []entry{{"/entry/instrument/detector/detector_distance", mm}},
			pixel: []entry{{"/entry/instrument/detector/x_pixel_size", um}}, centreY: "/entry/instrument/detector/beam_center_y", centreX: "/entry/instrument/detector/beam_center_x"},
		{name: "NSLS-II HXN", has: []string{hxnPositions}, data: []string{nexusData, "/diff_data/merlin1/det_images"},
			y: []position{{hxnPositions, 1, um}}, x: []position{{hxnPositions, 0, um}}, energy: []entry{{"/scan/energy", electron}}},
		{name: "Diamond I14", has: []string{"/entry/instrument"}, data: diamondDetectors("/data"), lacks: []string{nexusData, eigerData},
			y: diamondAxes("Y"), x: diamondAxes("X"), z: []entry{{"/entry/instrument/detectors/excalibur_z", mm}, {"/entry/instrument/detectors/merlin_z", mm}}},
		{name: "Diamond I13", has: []string{"/entry1/instrument"}, lacks: []string{"/entry1/instrument/_andorrastor/data"},
			data:   []string{"/entry1/merlin_sw_hdf/data", "/entry1/excalibur_config_normal/data", "/entry1/excalibur/data", "/entry1/merlin/data", "/entry1/eiger/data", "/entry1/pcoEdge/data"},
			absent: "Diamond I13 keeps them beside the patterns, at /entry1/DETECTOR/MOTOR"},
		{name: "Diamond I08", has: []string{"/entry1/instrument/_andorrastor/data"}, data: []string{"/entry1/instrument/_andorrastor/data"},
			absent: "Diamond I08 keeps them in a second file, at /entry1/Counter1/MOTOR"},
		{name: "NanoMAX", has: []string{nanomaxX}, data: []string{"/entry/measurement/eiger1m/frames", "/entry/instrument/Eiger/data", "/entry/measurement/Eiger/data",
			"/entry/measurement/eiger4m/frames", "/entry/measurement/pilatus/frames", "/entry/measurement/merlin/frames"},
			y: at("/entry/measurement/pseudo/y", um), x: at(nanomaxX, um), energy: []entry{{"/entry/snapshot/energy", electron}}},
		{name: "SoftiMAX", has: []string{"/entry/instrument/zyla/data"}, lacks: []string{nexusData}, data: []string{"/entry/instrument/zyla/data"},
			y: at("/entry/measurement/pseudo/y", um), x: at("/entry/measurement/pseudo/x", um)},
		{name: "cSAXS", has: []string{nexusData, csaxsEnergy}, lacks: []string{lamniUnits, monoE, isnLambda, polarLink, hxnPositions}, data: []string{nexusData}, energy: []entry{{csaxsEnergy, keV}},
			z: []entry{{"/entry/instrument/monochromator/distance", mm}}, pixel: []entry{{csaxsPixel, um}},
			absent: "cSAXS keeps them in specES1/scan_positions/scan_NNNNN.dat"},
		{name: "LCLS XPP", has: []string{"/jungfrau1M/image_img"}, data: []string{"/jungfrau1M/image_img"}, y: at("/lmc/ch05", -um), x: at("/lmc/ch03", -um),
			note: "x is the piezo stage /lmc/ch03 at a tomography angle of 180°; patterns are not selected by their intensity /ipm2/sum, which --rows can do"},
		{name: "NeXus", has: []string{nexusData}, data: []string{nexusData},
			lacks:  []string{eigerData, monoE, isnLambda, csaxsEnergy, hxnPositions, polarLink, "/entry/data/eiger_4"},
			absent: "the HDF5 file of a detector (APS 2-ID, APS 26-ID, PETRA P06 and others) has none",
			energy: []entry{{"/entry/instrument/beam/incident_energy", electron}}, lambda: []entry{{"/entry/instrument/beam/incident_wavelength", 1e-10}},
			z: []entry{{"/entry/instrument/detector/distance", 1}, {"/entry/instrument/detector/detector_distance", 1}}, pixel: []entry{{"/entry/instrument/detector/x_pixel_size", 1}},
			mask: []string{"/entry/instrument/detector/pixel_mask"}},
	}
}

// diamondNames are the detectors of Diamond's I14.
var diamondNames = []string{"excalibur_addetector", "merlin_addetector", "eiger_addetector"}

func diamondDetectors(rest string) (all []string) {
	for _, name := range diamondNames {
		all = append(all, "/entry/"+name+rest)
	}
	return all
}

// diamondAxes returns the places of the set values of the sample's axis, in mm: one for each scan row or column.
func diamondAxes(axis string) (all []position) {
	for _, path := range diamondDetectors("/Sample" + axis + "_value_set") {
		all = append(all, position{path, -1, mm})
	}
	return all
}
