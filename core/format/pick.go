package format

import (
	"context"

	"github.com/ptychogo/ptycho/core/npz"
)

// pick reads the patterns with the given numbers, in file order, from an array that is stored uncompressed, and passes them to visit,
// several that follow each other at a time with the number of the first. It reads only their bytes, so that the time does not depend
// on the size of the file.
func (s *sorter) pick(ctx context.Context, rows []int, visit func(first int, raw []byte) error) error {
	e := s.d.patterns.Element()
	size := int64(s.d.frame()) * int64(e.Size()) // of a pattern, bytes
	buf := make([]byte, max(npz.Piece/size, 1)*size)
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to] == rows[to-1]+1 && int64(to-from) < int64(len(buf))/size {
			to++
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		raw := buf[:int64(to-from)*size]
		if err := s.d.patterns.ReadAt(raw, int64(rows[from])*size); err != nil {
			return err
		}
		if err := visit(rows[from], raw); err != nil {
			return err
		}
		from = to
	}
	return nil
}
