package acquisition

import "github.com/ptychogo/ptycho/core/hdf5"

// Matching returns those of Formats that a file has, by its contents.
func Matching(f *hdf5.File) ([]string, error) {
	var all []string
	for _, l := range layouts() {
		if ok, err := l.matches(f); err != nil {
			return nil, err
		} else if ok {
			all = append(all, slug(l.name))
		}
	}
	return all, nil
}
