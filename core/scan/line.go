package scan

import "fmt"

// sameFault is the Fault of positions of which rows and columns are the same numbers.
func (s *Scan) sameFault() error {
	return &Fault{
		What: fmt.Sprintf("the positions along rows and columns are the same %d numbers, so that all patterns lie on a diagonal", s.Len()),
		Fix:  "check that ycoords (or --y-path) and xcoords (or --x-path) are not one array",
	}
}

// LineNotes names an axis along which all positions are the same.
func (s *Scan) LineNotes() []string {
	if s.Len() < minPositions {
		return nil
	}
	switch rows, cols := s.rowSpan() == 0, s.colSpan() == 0; {
	case rows && !cols:
		return []string{fmt.Sprintf("all %d patterns have the same row, so that the image is a line; check ycoords or --y-path if the scan covers an area", s.Len())}
	case cols && !rows:
		return []string{fmt.Sprintf("all %d patterns have the same column, so that the image is a line; check xcoords or --x-path if the scan covers an area", s.Len())}
	}
	return nil
}
