package wire

import (
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// dataset describes d. Arrays in files are sent as references.
func (o *outbox) dataset(id uint64, d backend.Dataset) (*pb.BindHead, error) {
	m := &pb.BindHead{Session: id, Patterns: int64(d.Patterns)}
	for _, a := range d.Arrays {
		ma := &pb.Array{Input: a.Input, Gather: pb.Gathering(a.Gather), Index: vector(o, a.Index)}
		switch {
		case a.File == nil:
			if !a.Value.IsZero() {
				ma.Source = &pb.Array_Value{Value: o.tensor(a.Value)}
			}
		default:
			ref, err := fileOut(a.File)
			if err != nil {
				return nil, err
			}
			ma.Source = &pb.Array_File{File: ref}
		}
		m.Arrays = append(m.Arrays, ma)
	}
	return m, nil
}

func (in *inbox) dataset(m *pb.BindHead) (backend.Dataset, error) {
	d := backend.Dataset{Patterns: int(m.GetPatterns())}
	for _, ma := range m.GetArrays() {
		a := backend.Array{Input: ma.GetInput(), Gather: backend.Gathering(ma.GetGather())}
		if g := ma.GetGather(); g < 0 || g > 255 {
			return d, malformed("unknown way of gathering %d", g)
		}
		var err error
		if a.Index, err = flat[int32](in, ma.GetIndex()); err != nil {
			return d, err
		}
		if a.File, err = fileIn(ma.GetFile()); err != nil {
			return d, err
		}
		if a.Value, err = in.tensor(ma.GetValue()); err != nil {
			return d, err
		}
		d.Arrays = append(d.Arrays, a)
	}
	return d, nil
}

func fileOut(f *backend.FileRef) (*pb.FileRef, error) {
	if f == nil {
		return nil, nil
	}
	path, err := filepath.Abs(f.Path) // the plugin's working folder may differ
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "bind", "%s: %w", f.Path, err)
	}
	return &pb.FileRef{
		Path:    path,
		Offset:  f.Offset,
		Dtype:   pb.DType(f.DType),
		Shape:   extents(f.Shape),
		Strides: f.Strides,
	}, nil
}

func fileIn(m *pb.FileRef) (*backend.FileRef, error) {
	if m == nil {
		return nil, nil
	}
	shape, err := intExtents(m.GetShape())
	if err != nil {
		return nil, err
	}
	if m.GetDtype() < 0 || m.GetDtype() > 255 {
		return nil, malformed("unknown element type %d", m.GetDtype())
	}
	return &backend.FileRef{
		Path:    m.GetPath(),
		Offset:  m.GetOffset(),
		DType:   tensor.DType(m.GetDtype()),
		Shape:   shape,
		Strides: m.GetStrides(),
	}, nil
}
