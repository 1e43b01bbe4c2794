package wire

import (
	"io"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// dataset describes d. byValue decides how arrays in files are sent: as references, or as bytes for plugins that cannot
// access the host's files.
func (o *outbox) dataset(id uint64, d backend.Dataset, byValue bool) (*pb.BindHead, error) {
	m := &pb.BindHead{Session: id, Patterns: int64(d.Patterns)}
	for _, a := range d.Arrays {
		ma := &pb.Array{Input: a.Input, Gather: pb.Gathering(a.Gather), Index: vector(o, a.Index)}
		switch {
		case a.File == nil:
			if !a.Value.IsZero() {
				ma.Source = &pb.Array_Value{Value: o.tensor(a.Value)}
			}
		case byValue:
			f := *a.File
			if _, err := tensor.Count(f.Shape); err != nil {
				return nil, backend.Errorf(backend.Invalid, "bind", "input %s: %w", a.Input, err)
			}
			ma.Source = &pb.Array_Value{Value: o.fileBytes(f)}
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

func (o *outbox) fileBytes(f backend.FileRef) *pb.Tensor {
	o.queue = append(o.queue, func(w io.Writer) error { return feed.Copy(w, f) })
	return &pb.Tensor{Dtype: pb.DType(f.DType), Shape: extents(f.Shape)}
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

// patchFile writes patches to a plan's file on the host's side, for plugins that cannot access the file.
type patchFile struct {
	file *os.File
	ref  backend.FileRef
	at   int64 // offset of the next batch
	end  int64
}

func openPatchFile(ref backend.FileRef) (*patchFile, error) {
	n, err := tensor.Count(ref.Shape)
	if err != nil || ref.Strides != nil || ref.Offset < 0 || ref.DType.Size() == 0 {
		return nil, backend.Errorf(backend.Invalid, "reconstruct",
			"%s: type %v, shape %v, offset %d and strides %v do not describe an array to write", ref.Path, ref.DType, ref.Shape, ref.Offset, ref.Strides)
	}
	f, err := os.OpenFile(ref.Path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "%w", err)
	}
	return &patchFile{f, ref, ref.Offset, ref.Offset + int64(n*ref.DType.Size())}, nil
}

func (p *patchFile) write(t tensor.Tensor) error {
	raw := t.Bytes()
	if t.DType() != p.ref.DType || p.at+int64(len(raw)) > p.end {
		return backend.Errorf(backend.Invalid, "reconstruct", "%s: patches %v do not fit %v %v", p.ref.Path, t, p.ref.DType, p.ref.Shape)
	}
	if _, err := p.file.WriteAt(raw, p.at); err != nil {
		return backend.Errorf(backend.Exhausted, "reconstruct", "%w", err)
	}
	p.at += int64(len(raw))
	return nil
}
